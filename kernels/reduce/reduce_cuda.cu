#include <algorithm>

#include "kernels/common/cuda/pack.cuh"
#include "kernels/common/cuda/strided_index.cuh"
#include "kernels/reduce/fold_cuda.cuh"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;
/// Values a thread loads before it folds them.
constexpr int kUnroll = 4;
/// Blocks that fill a large GPU; fewer outputs than that share the reduced positions in chunks.
constexpr dim_t kEnoughBlocks = 512;

/// How the inputs are walked: `columns` neighbouring kept elements side by side, or (1) one output at a time along the
/// reduced axes.
struct Plan {
  StridedIndex<1> kept;  ///< without the column axis
  StridedIndex<1> reduced;
  int columns, tile_columns, column_tiles;
  int num_outer, num_reduced;
  int group;          ///< threads of one output in the row form
  int chunks, chunk;  ///< pieces of the reduced positions, and positions in one
  bool dense, packs;  ///< reduced positions are neighbours; are so and aligned, four at a time
  double scale;

  __host__ __device__ int outputs() const { return num_outer * columns; }
};

/// Where results go: partial states, [output][chunk] in the row form and [chunk][output] in the column form so that
/// neighbouring threads write neighbours; or the caller's arrays.
struct Outputs {
  void* partials;  ///< null with one chunk
  float* y;
  std::int32_t* index;
};

template <class Fold>
__device__ __forceinline__ void put(const Plan& plan, const Outputs& out, int output, int chunk,
                                    const typename Fold::State& state) {
  if (out.partials) {
    const dim_t at = plan.columns > 1 ? dim_t(chunk) * plan.outputs() + output : dim_t(output) * plan.chunks + chunk;
    static_cast<typename Fold::State*>(out.partials)[at] = state;
  } else {
    Fold::write(state, plan.scale, out.y ? out.y + output : nullptr, out.index ? out.index + output : nullptr);
  }
}

__device__ __forceinline__ dim_t offset_at(const StridedIndex<1>& index, int position) {
  dim_t offset[1];
  index.offsets(std::uint32_t(position), offset);
  return offset[0];
}

/// Folds positions first, first + step, ... below end of the row at x.
template <class Fold>
__device__ __forceinline__ void fold_positions(const Plan& plan, const float* x, int first, int step, int end,
                                               typename Fold::State& state) {
  for (int r = first; r < end; r += kUnroll * step) {
    float value[kUnroll];
    int position[kUnroll], count = 0;
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      position[u] = r + u * step;
      if (position[u] >= end) continue;
      value[u] = x[plan.dense ? dim_t(position[u]) : offset_at(plan.reduced, position[u])];
      count = u + 1;
    }
    Fold::add(state, value, position, count);
  }
}

/// The same for dense positions in packs of four; begin and end are multiples of 4.
template <class Fold>
__device__ __forceinline__ void fold_packs(const float* x, int first, int step, int end, typename Fold::State& state) {
  for (int r = first; r < end; r += kUnroll * step) {
    float value[4 * kUnroll];
    int position[4 * kUnroll], count = 0;
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int at = r + u * step;
      if (at >= end) continue;
      const Pack<4> pack = load<4>(x + at);
      for_lanes<4>([&](int lane) {
        value[4 * u + lane] = pack.v[lane];
        position[4 * u + lane] = at + lane;
      });
      count = 4 * u + 4;
    }
    Fold::add(state, value, position, count);
  }
}

/// One output and chunk a group of kGroup threads.
template <class Fold, int kGroup>
__global__ void __launch_bounds__(kThreads) rows_kernel(const float* x, Plan plan, Outputs out) {
  EMU_SHARED(typename Fold::State, scratch, [kThreads / kWarp]);
  const int item = int(blockIdx.x) * (kThreads / kGroup) + int(threadIdx.x) / kGroup;
  const int lane = int(threadIdx.x) % kGroup;
  const int output = item / plan.chunks, chunk = item % plan.chunks;
  typename Fold::State state = Fold::identity();
  if (output < plan.num_outer) {
    const float* row = x + offset_at(plan.kept, output);
    const int begin = chunk * plan.chunk, end = min(plan.num_reduced, begin + plan.chunk);
    if (plan.packs) {
      fold_packs<Fold>(row, begin + 4 * lane, 4 * kGroup, end, state);
    } else {
      fold_positions<Fold>(plan, row, begin + lane, kGroup, end, state);
    }
  }
  merge_lanes < Fold, kGroup<kWarp ? kGroup : kWarp>(state);
  if constexpr (kGroup > kWarp) {
    if (lane % kWarp == 0) scratch[lane / kWarp] = state;
    __syncthreads();
    if (lane == 0)
      for (int i = 1; i < kThreads / kWarp; ++i) Fold::merge(state, scratch[i]);
  }
  if (lane == 0 && output < plan.num_outer) put<Fold>(plan, out, output, chunk, state);
}

/// tile_columns neighbouring outputs and a chunk a block; the threads above each other take every n-th position.
template <class Fold>
__global__ void __launch_bounds__(kThreads) columns_kernel(const float* x, Plan plan, Outputs out) {
  EMU_SHARED(typename Fold::State, scratch, [kThreads]);
  const int tile_rows = kThreads / plan.tile_columns;
  const int row = int(threadIdx.x) / plan.tile_columns, tile_column = int(threadIdx.x) % plan.tile_columns;
  const int chunk = int(blockIdx.x) % plan.chunks, rest = int(blockIdx.x) / plan.chunks;
  const int column = rest % plan.column_tiles * plan.tile_columns + tile_column, outer = rest / plan.column_tiles;
  typename Fold::State state = Fold::identity();
  if (row < tile_rows && column < plan.columns) {
    const int begin = chunk * plan.chunk, end = min(plan.num_reduced, begin + plan.chunk);
    fold_positions<Fold>(plan, x + offset_at(plan.kept, outer) + column, begin + row, tile_rows, end, state);
  }
  scratch[threadIdx.x] = state;
  __syncthreads();
  if (row > 0 || column >= plan.columns) return;
  for (int i = 1; i < tile_rows; ++i) Fold::merge(state, scratch[i * plan.tile_columns + tile_column]);
  put<Fold>(plan, out, outer * plan.columns + column, chunk, state);
}

/// Second stage of the column form: kWarp outputs a block, its warps share the chunks.
template <class Fold>
__global__ void __launch_bounds__(kThreads) merge_columns_kernel(Plan plan, Outputs out) {
  EMU_SHARED(typename Fold::State, scratch, [kThreads]);
  const int lane = int(threadIdx.x) % kWarp, output = int(blockIdx.x) * kWarp + lane;
  typename Fold::State state = Fold::identity();
  const auto* parts = static_cast<const typename Fold::State*>(out.partials);
  for (int i = int(threadIdx.x) / kWarp; output < plan.outputs() && i < plan.chunks; i += kThreads / kWarp)
    Fold::merge(state, parts[dim_t(i) * plan.outputs() + output]);
  scratch[threadIdx.x] = state;
  __syncthreads();
  if (threadIdx.x >= kWarp || output >= plan.outputs()) return;
  for (int i = 1; i < kThreads / kWarp; ++i) Fold::merge(state, scratch[i * kWarp + lane]);
  out.partials = nullptr;
  put<Fold>(plan, out, output, 0, state);
}

/// Second stage of the row form: one warp an output.
template <class Fold>
__global__ void __launch_bounds__(kThreads) merge_kernel(Plan plan, Outputs out) {
  const int output = int(blockIdx.x) * (kThreads / kWarp) + int(threadIdx.x) / kWarp;
  const int lane = int(threadIdx.x) % kWarp;
  typename Fold::State state = Fold::identity();
  if (output < plan.outputs()) {
    const auto* parts = static_cast<const typename Fold::State*>(out.partials) + dim_t(output) * plan.chunks;
    for (int i = lane; i < plan.chunks; i += kWarp) Fold::merge(state, parts[i]);
  }
  merge_lanes<Fold, kWarp>(state);
  if (lane > 0 || output >= plan.outputs()) return;
  out.partials = nullptr;
  put<Fold>(plan, out, output, 0, state);
}

/// Cuts the reduced positions so that `blocks` blocks become about kEnoughBlocks of at least `least` positions.
void cut_chunks(Plan& plan, dim_t blocks, dim_t least) {
  const dim_t wanted = std::min(ceil_div(kEnoughBlocks, std::max<dim_t>(1, blocks)), plan.num_reduced / least);
  plan.chunk = int(ceil_div(ceil_div(plan.num_reduced, std::max<dim_t>(1, wanted)), 4) * 4);
  plan.chunks = plan.chunk > 0 ? int(ceil_div(plan.num_reduced, plan.chunk)) : 1;
}

bool multiples_of_four(const StridedLoop<1>& loop) {
  for (int i = 0; i < loop.rank; ++i)
    if (loop.stride[0][i] % 4 != 0) return false;
  return true;
}

Plan make_plan(const ReduceArgs& args) {
  StridedLoop<1> kept, reduced;
  for (int i = 0; i < args.kept_rank; ++i) kept.push(args.kept_shape[i], {args.kept_stride[i]});
  for (int i = 0; i < args.reduced_rank; ++i) reduced.push(args.reduced_shape[i], {args.reduced_stride[i]});
  if (!args.index) reduced.sort_by_stride(0);
  kept.merge();
  reduced.merge();
  require_32_bit("reduce", std::max(kept.count(), reduced.count()));

  Plan plan = {};
  plan.scale = args.scale;
  plan.num_reduced = int(reduced.count());
  plan.dense = reduced.rank == 0 || (reduced.rank == 1 && reduced.stride[0][0] == 1);
  plan.columns = 1;
  const bool rows = reduced.rank > 0 && reduced.stride[0][reduced.rank - 1] == 1;
  if (!rows && kept.rank > 0 && kept.stride[0][kept.rank - 1] == 1) {
    plan.columns = int(kept.shape[--kept.rank]);
  }
  plan.num_outer = int(kept.count());
  plan.tile_columns = std::min(kWarp, std::max(1, plan.columns));
  plan.column_tiles = int(ceil_div(plan.columns, plan.tile_columns));
  plan.group = plan.num_reduced <= 16 ? 8 : plan.num_reduced <= 1024 ? kWarp : kThreads;
  plan.packs =
      plan.columns == 1 && plan.dense && plan.num_reduced % 4 == 0 && aligned16(args.x) && multiples_of_four(kept);
  if (plan.columns > 1) {
    cut_chunks(plan, dim_t(plan.num_outer) * plan.column_tiles, kThreads / plan.tile_columns * 16);
  } else {
    cut_chunks(plan, ceil_div(dim_t(plan.num_outer) * plan.group, kThreads), kThreads * 16);
  }
  plan.kept = StridedIndex<1>(kept);
  plan.reduced = StridedIndex<1>(reduced);
  return plan;
}

template <class Fold, int kGroup>
void launch_rows(Stream stream, const float* x, const Plan& plan, const Outputs& out) {
  const dim_t items = dim_t(plan.num_outer) * plan.chunks;
  ENGRAM_LAUNCH((rows_kernel<Fold, kGroup>), grid_of(ceil_div(items * kGroup, kThreads)), kThreads, 0, stream, x, plan,
                out);
}

template <class Fold>
void run(Stream stream, const ReduceArgs& args, const Plan& plan) {
  const Outputs out = {plan.chunks > 1 ? args.workspace : nullptr, args.y, args.index};
  if (plan.columns > 1) {
    ENGRAM_LAUNCH(columns_kernel<Fold>, grid_of(dim_t(plan.num_outer) * plan.column_tiles * plan.chunks), kThreads, 0,
                  stream, args.x, plan, out);
  } else if (plan.group == 8) {
    launch_rows<Fold, 8>(stream, args.x, plan, out);
  } else if (plan.group == kWarp) {
    launch_rows<Fold, kWarp>(stream, args.x, plan, out);
  } else {
    launch_rows<Fold, kThreads>(stream, args.x, plan, out);
  }
  if (plan.chunks == 1) return;
  if (plan.columns > 1) {
    ENGRAM_LAUNCH(merge_columns_kernel<Fold>, grid_of(ceil_div(plan.outputs(), kWarp)), kThreads, 0, stream, plan, out);
  } else {
    ENGRAM_LAUNCH(merge_kernel<Fold>, grid_of(ceil_div(dim_t(plan.outputs()) * kWarp, kThreads)), kThreads, 0, stream,
                  plan, out);
  }
}

void reduce(Stream stream, const ReduceArgs& args) {
  const Plan plan = make_plan(args);
  if (plan.outputs() == 0) return;
  switch (args.op) {
    case ReduceOp::kSum:
      return run<SumFold<false>>(stream, args, plan);
    case ReduceOp::kSumSquares:
      return run<SumFold<true>>(stream, args, plan);
    case ReduceOp::kMax:
      return run<ExtremeFold<true>>(stream, args, plan);
    case ReduceOp::kMin:
      return run<ExtremeFold<false>>(stream, args, plan);
  }
}

std::size_t workspace_bytes(const ReduceArgs& args) {
  static_assert(sizeof(SumFold<false>::State) == 8 && sizeof(ExtremeFold<true>::State) == 8);
  const Plan plan = make_plan(args);
  return plan.chunks > 1 ? std::size_t(plan.outputs()) * std::size_t(plan.chunks) * 8 : 0;
}

}  // namespace

const ReduceKernels kCudaReduce = {reduce, workspace_bytes};

}  // namespace engram::kernels
