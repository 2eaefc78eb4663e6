#include "kernels/common/cuda/map_range.cuh"
#include "kernels/common/cuda/strided_index.cuh"
#include "kernels/elementwise/convert_cuda.cuh"
#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/elementwise_formulas.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

template <UnaryOp kOp>
__global__ void __launch_bounds__(kMapThreads)
    unary_kernel(MapArrays<1, 1> arrays, dim_t count, float a, float b, bool vectors) {
  const MapTile tile = map_tile(count);
  map_range(arrays, tile.begin, tile.count, vectors,
            [&](const float(&x)[1], float(&y)[1]) { y[0] = unary_formula<kOp>(x[0], a, b); });
}

template <BinaryOp kOp>
__global__ void __launch_bounds__(kMapThreads)
    binary_kernel(MapArrays<2, 1> arrays, dim_t count, float a, bool vectors) {
  const MapTile tile = map_tile(count);
  map_range(arrays, tile.begin, tile.count, vectors,
            [&](const float(&x)[2], float(&y)[1]) { y[0] = binary_formula<kOp>(x[0], x[1], a); });
}

/// One thread an element of y.
template <BinaryOp kOp>
__global__ void __launch_bounds__(kMapThreads)
    broadcast_kernel(const float* x0, const float* x1, float* y, StridedIndex<2> index, int count, float a) {
  const int i = int(blockIdx.x * kMapThreads + threadIdx.x);
  if (i >= count) return;
  dim_t offset[2];
  index.offsets(std::uint32_t(i), offset);
  y[i] = binary_formula<kOp>(x0[offset[0]], x1[offset[1]], a);
}

/// Four neighbouring elements of y a thread: the last axis is a multiple of four, of stride 0 or 1 in both operands.
template <BinaryOp kOp>
__global__ void __launch_bounds__(kMapThreads)
    broadcast_packs_kernel(const float* x0, const float* x1, float* y, StridedIndex<2> index, int count, float a) {
  const int i = int(blockIdx.x * kMapThreads + threadIdx.x) * 4;
  if (i >= count) return;
  dim_t offset[2];
  index.offsets(std::uint32_t(i), offset);
  const int last = index.rank - 1;
  const auto load_row = [&](const float* x, int operand) {
    if (index.stride[operand][last] == 1) return load<4>(x + offset[operand]);
    const float value = x[offset[operand]];
    return Pack<4>{{value, value, value, value}};
  };
  const Pack<4> left = load_row(x0, 0), right = load_row(x1, 1);
  Pack<4> result;
  for_lanes<4>([&](int lane) { result.v[lane] = binary_formula<kOp>(left.v[lane], right.v[lane], a); });
  store(y + i, result);
}

__global__ void __launch_bounds__(kMapThreads) fill_kernel(float* y, dim_t count, float value, bool vectors) {
  const MapTile tile = map_tile(count);
  const int packs = vectors ? tile.count / 4 : 0;
  const Pack<4> four = {{value, value, value, value}};
  for (int at = int(threadIdx.x); at < packs; at += kMapThreads) store(y + tile.begin + 4 * at, four);
  for (int i = 4 * packs + int(threadIdx.x); i < tile.count; i += kMapThreads) y[tile.begin + i] = value;
}

void unary(Stream stream, const UnaryArgs& args) {
  if (args.count == 0) return;
  const MapArrays<1, 1> arrays = {{args.x}, {args.y}};
  visit_unary(args.op, [&]<UnaryOp kOp>() {
    ENGRAM_LAUNCH((unary_kernel<kOp>), grid_of(ceil_div(args.count, kMapTile)), kMapThreads, 0, stream, arrays,
                  args.count, args.a, args.b, arrays.aligned());
  });
}

void binary(Stream stream, const BinaryArgs& args) {
  if (args.count == 0) return;
  const MapArrays<2, 1> arrays = {{args.x0, args.x1}, {args.y}};
  visit_binary(args.op, [&]<BinaryOp kOp>() {
    ENGRAM_LAUNCH((binary_kernel<kOp>), grid_of(ceil_div(args.count, kMapTile)), kMapThreads, 0, stream, arrays,
                  args.count, args.a, arrays.aligned());
  });
}

/// Whether x's rows of the last axis can be read four at a time.
bool reads_packs(const StridedLoop<2>& loop, int operand, const float* x) {
  const int last = loop.rank - 1;
  if (loop.stride[operand][last] == 0) return true;
  if (loop.stride[operand][last] != 1 || !aligned16(x)) return false;
  for (int i = 0; i < last; ++i)
    if (loop.stride[operand][i] % 4 != 0) return false;
  return true;
}

void binary_broadcast(Stream stream, const BinaryBroadcastArgs& args) {
  StridedLoop<2> loop;
  for (int i = 0; i < args.rank; ++i) loop.push(args.shape[i], {args.stride0[i], args.stride1[i]});
  loop.merge();
  if (loop.rank == 0) loop.push(1, {0, 0});
  const dim_t count = loop.count();
  if (count == 0) return;
  require_32_bit("binary_broadcast", count);
  const bool packs = loop.shape[loop.rank - 1] % 4 == 0 && aligned16(args.y) && reads_packs(loop, 0, args.x0) &&
                     reads_packs(loop, 1, args.x1);
  const StridedIndex<2> index(loop);
  const dim3 grid = grid_of(ceil_div(packs ? count / 4 : count, kMapThreads));
  visit_binary(args.op, [&]<BinaryOp kOp>() {
    if (packs) {
      ENGRAM_LAUNCH((broadcast_packs_kernel<kOp>), grid, kMapThreads, 0, stream, args.x0, args.x1, args.y, index,
                    int(count), args.a);
    } else {
      ENGRAM_LAUNCH((broadcast_kernel<kOp>), grid, kMapThreads, 0, stream, args.x0, args.x1, args.y, index, int(count),
                    args.a);
    }
  });
}

void fill(Stream stream, const FillArgs& args) {
  if (args.count == 0) return;
  ENGRAM_LAUNCH(fill_kernel, grid_of(ceil_div(args.count, kMapTile)), kMapThreads, 0, stream, args.y, args.count,
                args.value, aligned16(args.y));
}

}  // namespace

const ElementwiseKernels kCudaElementwise = {unary, binary, binary_broadcast, fill, cuda::convert};

}  // namespace engram::kernels
