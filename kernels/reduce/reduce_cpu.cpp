#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/common/strided.h"
#include "kernels/reduce/reduce.h"

namespace engram::kernels {
namespace {

using Loop = StridedLoop<1>;
using Cursor = StridedCursor<1>;

/// Columns that one work item folds side by side; their accumulators stay in the first-level cache.
constexpr dim_t kMaxWidth = 1024;
/// Inputs of one work item at least, and work items at which a longer reduction is split.
constexpr dim_t kMinItemWork = 16384;
constexpr dim_t kEnoughItems = 64;

/// How the inputs are walked. Two shapes cover all: `width` neighbouring kept elements folded side by side ("columns"),
/// or one kept element at a time along the innermost reduced axis ("rows", width 1).
struct Plan {
  Loop kept;     ///< without the column axis
  Loop reduced;  ///< in the caller's order if an index is wanted
  dim_t columns = 1;
  dim_t num_outer = 1;      ///< positions of `kept`
  dim_t num_reduced = 1;    ///< positions of `reduced`
  dim_t column_blocks = 1;  ///< blocks of at most kMaxWidth columns
  dim_t chunks = 1;         ///< pieces of the reduced positions, merged in order
  dim_t chunk = 1;          ///< positions in one piece
};

bool is_sum(ReduceOp op) {
  return op == ReduceOp::kSum || op == ReduceOp::kSumSquares;
}

Plan make_plan(const ReduceArgs& args) {
  Plan plan;
  for (int i = 0; i < args.kept_rank; ++i) plan.kept.push(args.kept_shape[i], {args.kept_stride[i]});
  for (int i = 0; i < args.reduced_rank; ++i) plan.reduced.push(args.reduced_shape[i], {args.reduced_stride[i]});
  if (!args.index) plan.reduced.sort_by_stride(0);
  plan.kept.merge();
  plan.reduced.merge();
  plan.num_reduced = plan.reduced.count();

  const bool rows = plan.reduced.rank > 0 && plan.reduced.stride[0][plan.reduced.rank - 1] == 1;
  const int last = plan.kept.rank - 1;
  if (!rows && last >= 0 && plan.kept.stride[0][last] == 1) {
    plan.columns = plan.kept.shape[last];
    plan.kept.rank = last;
  }
  plan.num_outer = plan.kept.count();
  plan.column_blocks = (plan.columns + kMaxWidth - 1) / kMaxWidth;

  const dim_t items = plan.num_outer * plan.column_blocks;
  const dim_t item_work = plan.num_reduced * std::min(plan.columns, kMaxWidth);
  if (items > 0 && items < kEnoughItems) {
    plan.chunks = std::max<dim_t>(1, std::min(kEnoughItems / items, item_work / kMinItemWork));
  }
  plan.chunk = (plan.num_reduced + plan.chunks - 1) / plan.chunks;
  if (plan.chunk > 0) plan.chunks = std::max<dim_t>(1, (plan.num_reduced + plan.chunk - 1) / plan.chunk);
  return plan;
}

// Sums. Runs of 16 values a lane (8 rows in the column form) are added in f32, the runs in double.

template <bool kSquare>
ENGRAM_ALWAYS_INLINE double contiguous_sum(const float* x, dim_t count) {
  double total = 0;
  dim_t i = 0;
  for (; i + 256 <= count; i += 256) {
    Vec16 lanes[4] = {};
    for (int j = 0; j < 4; ++j) {
      for (int k = 0; k < 4; ++k) {
        const Vec16 v = load16(x + i + 64 * j + 16 * k);
        lanes[k] += kSquare ? v * v : v;
      }
    }
    total += double(sum_lanes16((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])));
  }
  if (i + 16 <= count) {
    Vec16 lanes = {};
    for (; i + 16 <= count; i += 16) {
      const Vec16 v = load16(x + i);
      lanes += kSquare ? v * v : v;
    }
    total += double(sum_lanes16(lanes));
  }
  for (; i < count; ++i) total += kSquare ? double(x[i]) * x[i] : double(x[i]);
  return total;
}

template <bool kSquare>
ENGRAM_ALWAYS_INLINE double row_sum(const Plan& plan, const float* x, dim_t begin, dim_t end) {
  const Loop& loop = plan.reduced;
  if (loop.rank == 0) return kSquare ? double(*x) * *x : double(*x);
  const int last = loop.rank - 1;
  const dim_t length = loop.shape[last], step = loop.stride[0][last];
  Cursor cursor;
  cursor.seek(loop, last, begin / length);
  double total = 0;
  dim_t from = begin % length;
  for (dim_t done = begin; done < end;) {
    const dim_t run = std::min(length - from, end - done);
    const float* p = x + cursor.offset[0] + from * step;
    if (step == 1) {
      total += contiguous_sum<kSquare>(p, run);
    } else {
      for (dim_t i = 0; i < run; ++i) total += kSquare ? double(p[i * step]) * p[i * step] : double(p[i * step]);
    }
    done += run;
    from = 0;
    cursor.next(loop, last);
  }
  return total;
}

template <bool kSquare>
ENGRAM_ALWAYS_INLINE float term(float v) {
  return kSquare ? v * v : v;
}

template <bool kSquare>
ENGRAM_ALWAYS_INLINE void column_sum(const Plan& plan, const float* x, dim_t begin, dim_t end, dim_t width,
                                     double* sums) {
  const Loop& loop = plan.reduced;
  for (dim_t c = 0; c < width; ++c) sums[c] = 0;
  Cursor cursor;
  cursor.seek(loop, loop.rank, begin);
  dim_t r = begin;
  for (; r + 8 <= end; r += 8) {
    const float* row[8];
    for (int k = 0; k < 8; ++k) {
      row[k] = x + cursor.offset[0];
      cursor.next(loop, loop.rank);
    }
    for (dim_t c = 0; c < width; ++c) {
      const float lower =
          (term<kSquare>(row[0][c]) + term<kSquare>(row[1][c])) + (term<kSquare>(row[2][c]) + term<kSquare>(row[3][c]));
      const float upper =
          (term<kSquare>(row[4][c]) + term<kSquare>(row[5][c])) + (term<kSquare>(row[6][c]) + term<kSquare>(row[7][c]));
      sums[c] += double(lower + upper);
    }
  }
  for (; r < end; ++r) {
    const float* row = x + cursor.offset[0];
    for (dim_t c = 0; c < width; ++c) sums[c] += double(term<kSquare>(row[c]));
    cursor.next(loop, loop.rank);
  }
}

ENGRAM_MULTIVERSION void sum_item(const Plan& plan, bool square, const float* x, dim_t begin, dim_t end, dim_t width,
                                  double* sums) {
  if (plan.columns == 1) {
    sums[0] = square ? row_sum<true>(plan, x, begin, end) : row_sum<false>(plan, x, begin, end);
  } else if (square) {
    column_sum<true>(plan, x, begin, end, width, sums);
  } else {
    column_sum<false>(plan, x, begin, end, width, sums);
  }
}

/// Sums of `count` whole rows, all reduced positions in one run of neighbours, `cursor` at the first.
ENGRAM_MULTIVERSION void sum_dense_rows(const Plan& plan, bool square, const float* x, Cursor& cursor, dim_t count,
                                        double scale, float* y) {
  const dim_t length = plan.reduced.shape[0];
  for (dim_t i = 0; i < count; ++i) {
    const float* row = x + cursor.offset[0];
    y[i] = float(scale * (square ? contiguous_sum<true>(row, length) : contiguous_sum<false>(row, length)));
    cursor.next(plan.kept, plan.kept.rank);
  }
}

// Extremes. A new value wins if it is strictly better, or the first NaN.

template <bool kMaximum>
ENGRAM_ALWAYS_INLINE bool wins(float candidate, float best) {
  return (kMaximum ? candidate > best : candidate < best) | ((candidate != candidate) & (best == best));
}

template <bool kMaximum>
ENGRAM_ALWAYS_INLINE float contiguous_extreme(const float* x, dim_t count, float best) {
  dim_t i = 0;
  constexpr int kLanes = 64;
  if (count >= kLanes) {
    float lanes[kLanes];
    for (int k = 0; k < kLanes; ++k) lanes[k] = x[k];
    for (i = kLanes; i + kLanes <= count; i += kLanes)
      for (int k = 0; k < kLanes; ++k) lanes[k] = wins<kMaximum>(x[i + k], lanes[k]) ? x[i + k] : lanes[k];
    for (int k = 0; k < kLanes; ++k)
      if (wins<kMaximum>(lanes[k], best)) best = lanes[k];
  }
  for (; i < count; ++i)
    if (wins<kMaximum>(x[i], best)) best = x[i];
  return best;
}

/// Folds the reduced positions [begin, end) of `width` neighbouring elements; `index` may be null.
template <bool kMaximum>
ENGRAM_ALWAYS_INLINE void extreme(const Plan& plan, const float* x, dim_t begin, dim_t end, dim_t width, float* values,
                                  dim_t* index) {
  const Loop& loop = plan.reduced;
  Cursor cursor;
  if (plan.columns == 1 && !index && loop.rank > 0 && loop.stride[0][loop.rank - 1] == 1) {
    const int last = loop.rank - 1;
    const dim_t length = loop.shape[last];
    cursor.seek(loop, last, begin / length);
    dim_t from = begin % length;
    float best = x[cursor.offset[0] + from];
    for (dim_t done = begin; done < end;) {
      const dim_t run = std::min(length - from, end - done);
      best = contiguous_extreme<kMaximum>(x + cursor.offset[0] + from, run, best);
      done += run;
      from = 0;
      cursor.next(loop, last);
    }
    values[0] = best;
    return;
  }
  cursor.seek(loop, loop.rank, begin);
  for (dim_t r = begin; r < end; ++r) {
    const float* row = x + cursor.offset[0];
    if (r == begin) {
      for (dim_t c = 0; c < width; ++c) values[c] = row[c];
      if (index) std::fill(index, index + width, begin);
    } else if (!index) {
      for (dim_t c = 0; c < width; ++c) values[c] = wins<kMaximum>(row[c], values[c]) ? row[c] : values[c];
    } else {
      for (dim_t c = 0; c < width; ++c) {
        if (!wins<kMaximum>(row[c], values[c])) continue;
        values[c] = row[c];
        index[c] = r;
      }
    }
    cursor.next(loop, loop.rank);
  }
}

ENGRAM_MULTIVERSION void extreme_item(const Plan& plan, bool maximum, const float* x, dim_t begin, dim_t end,
                                      dim_t width, float* values, dim_t* index) {
  if (maximum) {
    extreme<true>(plan, x, begin, end, width, values, index);
  } else {
    extreme<false>(plan, x, begin, end, width, values, index);
  }
}

/// Result of one chunk of the reduced positions for one output.
struct Partial {
  double value;
  dim_t index;
};

void store(const ReduceArgs& args, dim_t output, double value, dim_t index) {
  if (args.y) args.y[output] = float(is_sum(args.op) ? args.scale * value : value);
  if (args.index) args.index[output] = std::int32_t(index);
}

/// Folds chunk `chunk` of column block `block` of the kept position `outer`.
void run_item(const Plan& plan, const ReduceArgs& args, const Cursor& outer_cursor, dim_t outer, dim_t block,
              dim_t chunk, Partial* partials) {
  const dim_t first = block * kMaxWidth;
  const dim_t width = std::min(kMaxWidth, plan.columns - first);
  const dim_t begin = chunk * plan.chunk, end = std::min(plan.num_reduced, begin + plan.chunk);
  const float* x = args.x + outer_cursor.offset[0] + first;
  double sums[kMaxWidth];
  float values[kMaxWidth];
  dim_t index[kMaxWidth];
  const bool sum = is_sum(args.op);
  if (sum) {
    sum_item(plan, args.op == ReduceOp::kSumSquares, x, begin, end, width, sums);
  } else {
    extreme_item(plan, args.op == ReduceOp::kMax, x, begin, end, width, values, args.index ? index : nullptr);
  }
  const dim_t output = outer * plan.columns + first;
  for (dim_t c = 0; c < width; ++c) {
    const double value = sum ? sums[c] : double(values[c]);
    const dim_t position = args.index ? index[c] : 0;
    if (partials) {
      partials[(output + c) * plan.chunks + chunk] = {value, position};
    } else {
      store(args, output + c, value, position);
    }
  }
}

void merge_partials(const Plan& plan, const ReduceArgs& args, const Partial* partials, dim_t output) {
  const Partial* part = partials + output * plan.chunks;
  Partial best = part[0];
  for (dim_t i = 1; i < plan.chunks; ++i) {
    if (is_sum(args.op)) {
      best.value += part[i].value;
    } else {
      const float candidate = float(part[i].value), current = float(best.value);
      if (args.op == ReduceOp::kMax ? wins<true>(candidate, current) : wins<false>(candidate, current)) best = part[i];
    }
  }
  store(args, output, best.value, best.index);
}

void reduce(Stream, const ReduceArgs& args) {
  const Plan plan = make_plan(args);
  const dim_t outputs = plan.num_outer * plan.columns;
  if (outputs == 0) return;
  if (plan.num_reduced == 0) {
    for (dim_t i = 0; i < outputs; ++i) store(args, i, 0, 0);
    return;
  }
  Partial* partials = plan.chunks > 1 ? static_cast<Partial*>(args.workspace) : nullptr;
  const dim_t item_work = plan.chunk * std::min(plan.columns, kMaxWidth);
  const dim_t items = plan.num_outer * plan.column_blocks * plan.chunks;
  const bool dense_rows = is_sum(args.op) && args.y && plan.columns == 1 && plan.chunks == 1 &&
                          plan.reduced.rank == 1 && plan.reduced.stride[0][0] == 1;
  // Short items go to a thread in groups, so that the position is computed once a group.
  const dim_t group = std::max<dim_t>(1, kMinItemWork / 4 / std::max<dim_t>(1, item_work));
  parallel_for((items + group - 1) / group, group * item_work, [&](dim_t g) {
    Cursor cursor;
    if (dense_rows) {
      cursor.seek(plan.kept, plan.kept.rank, g * group);
      sum_dense_rows(plan, args.op == ReduceOp::kSumSquares, args.x, cursor, std::min(items - g * group, group),
                     args.scale, args.y + g * group);
      return;
    }
    dim_t at_outer = -1;
    for (dim_t item = g * group; item < std::min(items, (g + 1) * group); ++item) {
      const dim_t chunk = item % plan.chunks, rest = item / plan.chunks;
      const dim_t block = rest % plan.column_blocks, outer = rest / plan.column_blocks;
      if (at_outer < 0) {
        cursor.seek(plan.kept, plan.kept.rank, outer);
      } else if (outer != at_outer) {
        cursor.next(plan.kept, plan.kept.rank);
      }
      at_outer = outer;
      run_item(plan, args, cursor, outer, block, chunk, partials);
    }
  });
  if (partials) {
    parallel_for(outputs, plan.chunks, [&](dim_t i) { merge_partials(plan, args, partials, i); });
  }
}

std::size_t workspace_bytes(const ReduceArgs& args) {
  const Plan plan = make_plan(args);
  return plan.chunks > 1 ? std::size_t(plan.num_outer * plan.columns * plan.chunks) * sizeof(Partial) : 0;
}

}  // namespace

Cost reduce_cost(const ReduceArgs& args) {
  dim_t outputs = 1, inputs = 1;
  for (int i = 0; i < args.kept_rank; ++i) outputs *= args.kept_shape[i];
  for (int i = 0; i < args.reduced_rank; ++i) inputs *= args.reduced_shape[i];
  inputs *= outputs;
  const dim_t out_bytes = outputs * ((args.y ? 4 : 0) + (args.index ? 4 : 0));
  return {inputs * 4, out_bytes, args.op == ReduceOp::kSumSquares ? inputs * 2 : inputs};
}

const ReduceKernels kCpuReduce = {reduce, workspace_bytes};

}  // namespace engram::kernels
