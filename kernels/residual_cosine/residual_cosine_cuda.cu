#include <algorithm>

#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/residual_cosine/residual_cosine.h"
#include "kernels/softmax_xent/row_tiles.cuh"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

/// Entries of matrices that are staged in shared memory (16 KB); larger ones are read through the cache.
constexpr int kMostStaged = 4096;

__global__ void __launch_bounds__(kRowThreads) head_residual_kernel(HeadResidualArgs a, RowTiles t) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(float, losses, [kTileRows]);
  float* logits_place = shared;
  const float* logits = stage_rows(t, a.logits, logits_place);
  const float* targets = stage_rows(t, a.targets, shared + t.tile_rows * t.classes);
  float* residual = t.staged ? logits_place : a.residual + t.first_value();
  __syncthreads();
  for_rows(t, [&](int r, int lane, bool has) {
    const float *x = logits + dim_t(r) * t.classes, *y = targets + dim_t(r) * t.classes;
    float* out = residual + dim_t(r) * t.classes;
    const RowStats s = row_statistics(t, x, 1.f, lane, has);
    float others = 0, at_target = 0, p_at_target = 0, again = 0;
    for (int c = lane; has && c < t.classes; c += t.group) {
      const float p = expf(x[c] - s.max - s.log_sum);
      others += p * (1.f - y[c]);
      at_target += y[c] * (s.max + s.log_sum - x[c]);
      p_at_target += y[c] * p;
      again += expf(p);
    }
    others = group_sum(others, t.group);
    at_target = group_sum(at_target, t.group);
    if (a.twice) at_target = logf(group_sum(again, t.group)) - group_sum(p_at_target, t.group);
    for (int c = lane; has && c < t.classes; c += t.group)
      out[c] = expf(x[c] - s.max - s.log_sum) * (1.f - y[c]) - y[c] * others;
    if (has && lane == 0) losses[r] = at_target;
  });
  __syncthreads();
  if (t.staged) write_rows(t, residual, t.classes, a.residual);
  write_rows(t, losses, 1, a.row_loss);
}

/// grad_logits = grad_rows r: a value a thread.
__global__ void __launch_bounds__(kRowThreads) scale_rows_kernel(HeadResidualBackwardArgs a, RowTiles t) {
  const dim_t first = t.first_value();
  for (int i = int(threadIdx.x); i < t.num_rows() * t.classes; i += kRowThreads) {
    const int row = int(t.by_classes.quotient(std::uint32_t(i)));
    a.grad_logits[first + i] = a.grad_rows[t.first_row() + row] * a.residual[first + i];
  }
}

/// grad_logits = grad_rows J (softmax(p) - t): a row a group of lanes.
__global__ void __launch_bounds__(kRowThreads, 5)
    softmax_twice_backward_kernel(HeadResidualBackwardArgs a, RowTiles t) {
  EMU_DYNAMIC_SHARED(float, shared);
  const float* residual = stage_rows(t, a.residual, shared);
  const float* targets = stage_rows(t, a.targets, shared + t.tile_rows * t.classes);
  float* result = t.staged ? shared : a.grad_logits + t.first_value();
  __syncthreads();
  for_rows(t, [&](int r, int lane, bool has) {
    const int at = r * t.classes, end = has ? t.classes : 0;
    float total = 0, along = 0;
    for (int c = lane; c < end; c += t.group) total += expf(residual[at + c] + targets[at + c]);
    const float inverse = 1.f / group_sum(total, t.group);
    for (int c = lane; c < end; c += t.group) {
      const float p = residual[at + c] + targets[at + c];
      along += p * (expf(p) * inverse - targets[at + c]);
    }
    along = group_sum(along, t.group);
    const float grad = has ? a.grad_rows[t.first_row() + r] : 0.f;
    for (int c = lane; c < end; c += t.group) {
      const float p = residual[at + c] + targets[at + c];
      result[at + c] = grad * p * (expf(p) * inverse - targets[at + c] - along);
    }
  });
  __syncthreads();
  if (t.staged) write_rows(t, result, t.classes, a.grad_logits);
}

/// Tiles of the rows of two sides, cut at the same rows.
struct PairTiles {
  RowTiles side1, side2;
  int gram_values;
  bool grams_staged;

  /// `copies`: staged arrays of each side.
  PairTiles(const ResidualPair& p, int copies)
      : side1(p.rows, p.classes1 + p.classes2, copies), side2(side1), gram_values(int(p.gram_values())) {
    side1.classes = int(p.classes1);
    side2.classes = int(p.classes2);
    grams_staged = gram_values <= kMostStaged;
  }
  __host__ __device__ int values1() const { return side1.staged ? side1.tile_rows * side1.classes : 0; }
  __host__ __device__ int values2() const { return side1.staged ? side1.tile_rows * side2.classes : 0; }
  std::size_t shared_bytes(int copies) const {
    return std::size_t(copies * (values1() + values2()) + (grams_staged ? gram_values : 0)) * sizeof(float);
  }
};

struct Grams {
  const float *g11, *g22, *g12;
};

/// The matrices, in shared memory where they fit. Followed by a barrier of the caller.
__device__ __forceinline__ Grams stage_grams(const ResidualPair& p, const PairTiles& t, float* shared) {
  if (!t.grams_staged) return {p.gram11, p.gram22, p.gram12};
  const int size1 = int(p.classes1 * p.classes1), size2 = int(p.classes2 * p.classes2);
  for (int i = int(threadIdx.x); i < size1; i += kRowThreads) shared[i] = p.gram11[i];
  for (int i = int(threadIdx.x); i < size2; i += kRowThreads) shared[size1 + i] = p.gram22[i];
  for (int i = int(threadIdx.x); i < t.gram_values - size1 - size2; i += kRowThreads)
    shared[size1 + size2 + i] = p.gram12[i];
  return {shared, shared + size1, shared + size1 + size2};
}

/// Entry c of x^T G for G [rows, columns].
__device__ __forceinline__ float column_form(const float* x, const float* gram, int rows, int columns, int c) {
  float sum = 0;
  for (int i = 0; i < rows; ++i) sum += x[i] * gram[i * columns + c];
  return sum;
}

__global__ void __launch_bounds__(kRowThreads) residual_cosine_kernel(ResidualCosineForwardArgs a, PairTiles t) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(float, cosines, [kTileRows]);
  EMU_SHARED(float, norms1, [kTileRows]);
  EMU_SHARED(float, norms2, [kTileRows]);
  const int n1 = t.side1.classes, n2 = t.side2.classes, group = t.side1.group;
  const float* rows1 = stage_rows(t.side1, a.pair.residual1, shared);
  const float* rows2 = stage_rows(t.side2, a.pair.residual2, shared + t.values1());
  const Grams g = stage_grams(a.pair, t, shared + t.values1() + t.values2());
  __syncthreads();
  for_rows(t.side1, [&](int r, int lane, bool has) {
    const float *x = rows1 + dim_t(r) * n1, *y = rows2 + dim_t(r) * n2;
    // Forms of residuals that are scaled to 1, so that squares of small ones keep their digits.
    float size1 = 0, size2 = 0, xx = 0, yy = 0, xy = 0;
    for (int c = lane; has && c < n1; c += group) size1 = fmaxf(size1, fabsf(x[c]));
    for (int c = lane; has && c < n2; c += group) size2 = fmaxf(size2, fabsf(y[c]));
    size1 = group_max(size1, group);
    size2 = group_max(size2, group);
    const float inverse1 = size1 > 0.f ? 1.f / size1 : 0.f, inverse2 = size2 > 0.f ? 1.f / size2 : 0.f;
    for (int c = lane; has && c < n1; c += group) xx += inverse1 * x[c] * (inverse1 * column_form(x, g.g11, n1, n1, c));
    for (int c = lane; has && c < n2; c += group) {
      yy += inverse2 * y[c] * (inverse2 * column_form(y, g.g22, n2, n2, c));
      xy += inverse2 * y[c] * (inverse1 * column_form(x, g.g12, n1, n2, c));
    }
    xx = group_sum(xx, group);
    yy = group_sum(yy, group);
    xy = group_sum(xy, group);
    if (!has || lane != 0) return;
    const float norm1 = size1 * sqrtf(fmaxf(xx, 0.f)), norm2 = size2 * sqrtf(fmaxf(yy, 0.f));
    const float below1 = norm1 + a.pair.eps, below2 = norm2 + a.pair.eps;
    const float cos = below1 > 0.f && below2 > 0.f ? xy * (size1 / below1) * (size2 / below2) : 0.f;
    cosines[r] = fminf(1.f, fmaxf(-1.f, cos));
    norms1[r] = norm1;
    norms2[r] = norm2;
  });
  __syncthreads();
  write_rows(t.side1, cosines, 1, a.cos);
  write_rows(t.side1, norms1, 1, a.norm1);
  write_rows(t.side1, norms2, 1, a.norm2);
}

/// How the cosine of a row changes with r1^T G12 r2, and with r1^T G11 r1 and r2^T G22 r2; by row of a tile.
struct Weights {
  float *cross, *own1, *own2;
};

__device__ __forceinline__ float own_weight(float g, float cos, float norm, float eps) {
  return norm > 0.f ? -0.5f * g * cos / (norm + eps) / norm : 0.f;
}

/// Entries of sum over the tile's rows of weight a b^T, one a thread, to out [columns of a, columns of b].
__device__ __forceinline__ void sum_outer(int rows, const float* weight, const float* a, int width_a, const float* b,
                                          int width_b, float* out) {
  for (int e = int(threadIdx.x); e < width_a * width_b; e += kRowThreads) {
    const int i = e / width_b, j = e - i * width_b;
    float sum = 0;
    for (int r = 0; r < rows; ++r) sum += weight[r] * a[dim_t(r) * width_a + i] * b[dim_t(r) * width_b + j];
    out[e] = sum;
  }
}

/// Gradients of the Gram matrices from the tile's rows: to the outputs if this is the only tile, else to `partials`.
__global__ void __launch_bounds__(kRowThreads)
    gram_gradients_kernel(ResidualCosineBackwardArgs a, PairTiles t, float* partials, Weights global) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(float, cross, [kTileRows]);
  EMU_SHARED(float, own1, [kTileRows]);
  EMU_SHARED(float, own2, [kTileRows]);
  const int n1 = t.side1.classes, n2 = t.side2.classes, rows = t.side1.num_rows(), first = t.side1.first_row();
  const float* rows1 = stage_rows(t.side1, a.pair.residual1, shared);
  const float* rows2 = stage_rows(t.side2, a.pair.residual2, shared + t.values1());
  for (int r = int(threadIdx.x); r < rows; r += kRowThreads) {
    const float g = a.grad_cos[first + r], c = a.cos[first + r], norm1 = a.norm1[first + r], norm2 = a.norm2[first + r],
                eps = a.pair.eps;
    const float below1 = norm1 + eps, below2 = norm2 + eps;
    cross[r] = below1 > 0.f && below2 > 0.f ? g / below1 / below2 : 0.f;
    own1[r] = own_weight(g, c, norm1, eps);
    own2[r] = own_weight(g, c, norm2, eps);
  }
  __syncthreads();
  const bool only = gridDim.x == 1;
  float* mine = partials + dim_t(blockIdx.x) * t.gram_values;
  sum_outer(rows, own1, rows1, n1, rows1, n1, only ? a.grad_gram11 : mine);
  sum_outer(rows, own2, rows2, n2, rows2, n2, only ? a.grad_gram22 : mine + n1 * n1);
  sum_outer(rows, cross, rows1, n1, rows2, n2, only ? a.grad_gram12 : mine + n1 * n1 + n2 * n2);
  if (!global.cross) return;
  write_rows(t.side1, cross, 1, global.cross);
  write_rows(t.side1, own1, 1, global.own1);
  write_rows(t.side1, own2, 1, global.own2);
}

__global__ void __launch_bounds__(kRowThreads)
    gram_merge_kernel(ResidualCosineBackwardArgs a, const float* partials, int tiles, int values) {
  const int e = int(blockIdx.x) * kRowThreads + int(threadIdx.x);
  if (e >= values) return;
  double sum = 0;
  for (int i = 0; i < tiles; ++i) sum += double(partials[dim_t(i) * values + e]);
  const int size1 = int(a.pair.classes1 * a.pair.classes1), size2 = int(a.pair.classes2 * a.pair.classes2);
  float* out = e < size1           ? a.grad_gram11 + e
               : e < size1 + size2 ? a.grad_gram22 + (e - size1)
                                   : a.grad_gram12 + (e - size1 - size2);
  *out = float(sum);
}

/// One side's operands of the logits' gradient: its rows r, the other side's s.
struct LogitsSide {
  const float *residual, *other, *targets, *gram, *gram12, *own, *cross;
  int classes, others;
  bool first;
  float* grad_logits;

  /// Entry (c, k) of the matrix from the other side's residual to this one's.
  __device__ __forceinline__ float cross_entry(int c, int k) const {
    return first ? gram12[c * others + k] : gram12[k * classes + c];
  }
};

/// J (2 own G r + cross C s): a row a group of lanes.
__global__ void __launch_bounds__(kRowThreads) logit_gradients_kernel(LogitsSide s, int rows, int group) {
  const int per_block = kRowThreads / group, lane = int(threadIdx.x) % group;
  const int r = int(blockIdx.x) * per_block + int(threadIdx.x) / group;
  const bool has = r < rows;
  const float *x = s.residual + dim_t(r) * s.classes, *y = s.other + dim_t(r) * s.others;
  const float* target = s.targets + dim_t(r) * s.classes;
  const auto rho = [&](int c) {
    float from_other = 0;
    for (int k = 0; k < s.others; ++k) from_other += s.cross_entry(c, k) * y[k];
    return 2.f * s.own[r] * column_form(x, s.gram, s.classes, s.classes, c) + s.cross[r] * from_other;
  };
  float along = 0;
  for (int c = lane; has && c < s.classes; c += group) along += (x[c] + target[c]) * rho(c);
  along = group_sum(along, group);
  for (int c = lane; has && c < s.classes; c += group)
    s.grad_logits[dim_t(r) * s.classes + c] = (x[c] + target[c]) * (rho(c) - along);
}

/// A warp a row; the weight in shared memory where it fits.
__global__ void __launch_bounds__(kRowThreads)
    shifted_concat_kernel(ShiftedConcatArgs a, int tile_rows, bool weight_staged) {
  EMU_DYNAMIC_SHARED(float, shared);
  const int width = int(a.width), classes = int(a.classes), lane = int(threadIdx.x) % kWarp;
  const dim_t begin = dim_t(blockIdx.x) * tile_rows, left = a.rows - begin;
  const int rows = left < tile_rows ? int(left) : tile_rows;
  float* residual = shared;
  for (int i = int(threadIdx.x); i < rows * classes; i += kRowThreads) residual[i] = a.residual[begin * classes + i];
  const float* weight = a.weight;
  if (weight_staged) {
    float* place = shared + tile_rows * classes;
    for (int i = int(threadIdx.x); i < classes * width; i += kRowThreads) place[i] = a.weight[i];
    weight = place;
  }
  __syncthreads();
  for (int r = int(threadIdx.x) / kWarp; r < rows; r += kRowThreads / kWarp) {
    const dim_t row = begin + r;
    float squares = 0;
    for (int i = lane; i < width; i += kWarp) {
      const float t = column_form(residual + r * classes, weight, classes, width, i);
      squares += t * t;
    }
    const float below = sqrtf(warp_sum(squares)) + a.eps;
    const float scale = below > 0.f ? a.alpha[a.alpha_per_row ? row : 0] * a.length / below : 0.f;
    float *first = a.out + row * 2 * width, *second = first + width;
    for (int i = lane; i < width; i += kWarp) first[i] = a.a1[row * width + i];
    for (int i = lane; i < width; i += kWarp)
      second[i] = a.a2[row * width + i] + scale * column_form(residual + r * classes, weight, classes, width, i);
  }
}

void head_residual(Stream stream, const HeadResidualArgs& args) {
  if (args.rows == 0 || args.classes == 0) return;
  const RowTiles t(args.rows, args.classes, 2);
  ENGRAM_LAUNCH(head_residual_kernel, grid_of(t.tiles()), kRowThreads, t.shared_bytes(2), stream, args, t);
}

void head_residual_backward(Stream stream, const HeadResidualBackwardArgs& args) {
  if (args.rows == 0 || args.classes == 0) return;
  if (args.twice) {
    const RowTiles t(args.rows, args.classes, 2);
    ENGRAM_LAUNCH(softmax_twice_backward_kernel, grid_of(t.tiles()), kRowThreads, t.shared_bytes(2), stream, args, t);
  } else {
    const RowTiles t(args.rows, args.classes, 1);
    ENGRAM_LAUNCH(scale_rows_kernel, grid_of(t.tiles()), kRowThreads, 0, stream, args, t);
  }
}

void forward(Stream stream, const ResidualCosineForwardArgs& args) {
  if (args.pair.rows == 0) return;
  const PairTiles t(args.pair, 1);
  ENGRAM_LAUNCH(residual_cosine_kernel, grid_of(t.side1.tiles()), kRowThreads, t.shared_bytes(1), stream, args, t);
}

void launch_logits(Stream stream, const ResidualCosineBackwardArgs& args, const Weights& w, bool first) {
  const ResidualPair& p = args.pair;
  const LogitsSide side =
      first ? LogitsSide{p.residual1, p.residual2,     args.targets1,   p.gram11, p.gram12,         w.own1,
                         w.cross,     int(p.classes1), int(p.classes2), true,     args.grad_logits1}
            : LogitsSide{p.residual2, p.residual1,     args.targets2,   p.gram22, p.gram12,         w.own2,
                         w.cross,     int(p.classes2), int(p.classes1), false,    args.grad_logits2};
  if (!side.grad_logits) return;
  int group = 1;
  while (group < std::min(side.classes, kWarp)) group *= 2;
  ENGRAM_LAUNCH(logit_gradients_kernel, grid_of(ceil_div(p.rows, kRowThreads / group)), kRowThreads, 0, stream, side,
                int(p.rows), group);
}

void backward(Stream stream, const ResidualCosineBackwardArgs& args) {
  const PairTiles t(args.pair, 1);
  const int tiles = t.side1.tiles();
  // The workspace holds the rows' weights, then the tiles' sums.
  auto* values = static_cast<float*>(args.workspace);
  const dim_t rows = args.pair.rows;
  const bool to_logits = args.grad_logits1 || args.grad_logits2;
  const Weights w = to_logits ? Weights{values, values + rows, values + 2 * rows} : Weights{nullptr, nullptr, nullptr};
  float* partials = values + 3 * rows;
  ENGRAM_LAUNCH(gram_gradients_kernel, grid_of(tiles), kRowThreads, t.shared_bytes(1), stream, args, t, partials, w);
  if (tiles > 1)
    ENGRAM_LAUNCH(gram_merge_kernel, grid_of(ceil_div(t.gram_values, kRowThreads)), kRowThreads, 0, stream, args,
                  partials, tiles, t.gram_values);
  launch_logits(stream, args, w, true);
  launch_logits(stream, args, w, false);
}

void shifted_concat(Stream stream, const ShiftedConcatArgs& args) {
  if (args.rows == 0 || args.width == 0) return;
  require_32_bit("residual_cosine", std::max(args.classes * args.width, args.rows));
  const bool staged = args.classes * args.width <= 2 * kMostStaged;
  // So many rows that staging the weight costs little beside them.
  const dim_t enough = std::max<dim_t>(16, 8 * args.classes), most = std::max<dim_t>(1, kMostStaged / args.classes);
  const int tile_rows = int(std::min({args.rows, enough, most}));
  const std::size_t shared =
      std::size_t(tile_rows * args.classes + (staged ? args.classes * args.width : 0)) * sizeof(float);
  ENGRAM_LAUNCH(shifted_concat_kernel, grid_of(ceil_div(args.rows, tile_rows)), kRowThreads, shared, stream, args,
                tile_rows, staged);
}

std::size_t workspace_bytes(dim_t rows, dim_t classes1, dim_t classes2) {
  if (rows == 0) return 0;
  ResidualPair pair = {};
  pair.rows = rows;
  pair.classes1 = classes1;
  pair.classes2 = classes2;
  const PairTiles t(pair, 1);
  return (std::size_t(3 * rows) + std::size_t(t.side1.tiles()) * std::size_t(t.gram_values)) * sizeof(float);
}

}  // namespace

const ResidualCosineKernels kCudaResidualCosine = {head_residual, head_residual_backward, forward,
                                                   backward,      shifted_concat,         workspace_bytes};

}  // namespace engram::kernels
