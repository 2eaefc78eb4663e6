#include <algorithm>

#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/common/cuda/divisor.cuh"
#include "kernels/common/cuda/pack.cuh"
#include "kernels/margin_error/margin_error.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;
/// Elements of a block: so many that staging the margins costs little beside them.
constexpr int kTile = 4096, kTileOfChannel = 16;
/// Margins that are staged in shared memory; of more channels they are read through the cache.
constexpr int kMostStaged = 8192;

/// The arrays' physical form [n, c/block, pixels, block], and how a block finds the margin of an element.
struct Elements {
  int count, channels, tile;
  bool staged;
  bool packs;        ///< four neighbours at a time: aligned, and of one channel or of four neighbouring ones
  bool one_channel;  ///< planar: the neighbours of a pack share their margin
  Divisor by_block, by_pixels, by_blocks;

  int tiles() const { return int(ceil_div(count, tile)); }
  std::size_t shared_bytes() const { return staged ? std::size_t(channels) * sizeof(float) : 0; }

  /// Channel of element i.
  __device__ __forceinline__ int channel(int i) const {
    const std::uint32_t place = by_block.quotient(std::uint32_t(i)), plane = by_pixels.quotient(place);
    const int within = i - int(place * by_block.divisor());
    return int((plane - by_blocks.quotient(plane) * by_blocks.divisor()) * by_block.divisor()) + within;
  }
};

template <class... Pointers>
Elements elements(const ActivationShape& s, Pointers... pointers) {
  require_32_bit("margin_error", s.count());
  Elements e = {};
  e.count = int(s.count());
  e.channels = int(s.c);
  e.tile = int(std::max<dim_t>(kTile, ceil_div(s.c * kTileOfChannel, kTile) * kTile));
  e.staged = s.c <= kMostStaged;
  e.one_channel = s.block == 1;
  e.packs = aligned16(pointers...) && (s.block == 1 ? s.pixels() : s.block) % 4 == 0;
  e.by_block = Divisor(s.block);
  e.by_pixels = Divisor(s.pixels());
  e.by_blocks = Divisor(s.blocks());
  return e;
}

/// The margins, in shared memory where they fit. Ends with a barrier.
__device__ __forceinline__ const float* stage_margins(const Elements& e, const float* margin, float* shared) {
  if (!e.staged) return margin;
  for (int c = int(threadIdx.x); c < e.channels; c += kThreads) shared[c] = margin[c];
  __syncthreads();
  return shared;
}

/// student - t' where the element counts, else 0.
__device__ __forceinline__ float open_difference(float student, float teacher, float margin) {
  const float target = teacher > margin || teacher != teacher ? teacher : margin, d = student - target;
  return target > 0.f || !(d <= 0.f) ? d : 0.f;
}

template <int kWidth>
__device__ __forceinline__ Pack<kWidth> repeated(float value) {
  Pack<kWidth> pack;
  for_lanes<kWidth>([&](int j) { pack.v[j] = value; });
  return pack;
}

/// f(first element, values) for the packs of this block.
template <int kWidth, class F>
__device__ __forceinline__ void for_differences(const Elements& e, const float* student, const float* teacher,
                                                const float* margins, const F& f) {
  const int begin = int(blockIdx.x) * e.tile, end = min(e.count, begin + e.tile);
  for (int i = begin + kWidth * int(threadIdx.x); i < end; i += kWidth * kThreads) {
    const Pack<kWidth> s = load<kWidth>(student + i), t = load<kWidth>(teacher + i);
    const int channel = e.channel(i);
    const Pack<kWidth> m = e.one_channel ? repeated<kWidth>(margins[channel]) : load<kWidth>(margins + channel);
    Pack<kWidth> d;
    for_lanes<kWidth>([&](int j) { d.v[j] = open_difference(s.v[j], t.v[j], m.v[j]); });
    f(i, d);
  }
}

/// First stage: the sum of squares of a tile.
template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    sums_kernel(Elements e, const float* student, const float* teacher, const float* margin, double* partials) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(double, scratch, [kThreads / kWarp]);
  const float* margins = stage_margins(e, margin, shared);
  float own = 0.f;
  for_differences<kWidth>(e, student, teacher, margins, [&](int, const Pack<kWidth>& d) {
    for_lanes<kWidth>([&](int j) { own += d.v[j] * d.v[j]; });
  });
  const double sum = block_sum<kThreads>(double(own), scratch);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

/// Second stage: one block.
__global__ void __launch_bounds__(kThreads) loss_kernel(const double* partials, int tiles, double factor, float* loss) {
  EMU_SHARED(double, scratch, [kThreads / kWarp]);
  double sum = 0;
  for (int i = int(threadIdx.x); i < tiles; i += kThreads) sum += partials[i];
  sum = block_sum<kThreads>(sum, scratch);
  if (threadIdx.x == 0) *loss = float(factor * sum);
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    gradient_kernel(Elements e, const float* student, const float* teacher, const float* margin, const float* grad,
                    float factor, float* grad_student) {
  EMU_DYNAMIC_SHARED(float, shared);
  const float* margins = stage_margins(e, margin, shared);
  const float scale = 2.f * *grad * factor;
  for_differences<kWidth>(e, student, teacher, margins, [&](int i, const Pack<kWidth>& d) {
    Pack<kWidth> g;
    for_lanes<kWidth>([&](int j) { g.v[j] = scale * d.v[j]; });
    store(grad_student + i, g);
  });
}

void forward(Stream stream, const MarginErrorForwardArgs& args) {
  if (args.shape.count() == 0) return;
  const Elements e = elements(args.shape, args.student, args.teacher, args.margin);
  auto* partials = static_cast<double*>(args.workspace);
  if (e.packs) {
    ENGRAM_LAUNCH(sums_kernel<4>, grid_of(e.tiles()), kThreads, e.shared_bytes(), stream, e, args.student, args.teacher,
                  args.margin, partials);
  } else {
    ENGRAM_LAUNCH(sums_kernel<1>, grid_of(e.tiles()), kThreads, e.shared_bytes(), stream, e, args.student, args.teacher,
                  args.margin, partials);
  }
  ENGRAM_LAUNCH(loss_kernel, dim3(1), kThreads, 0, stream, partials, e.tiles(), double(args.factor), args.loss);
}

void backward(Stream stream, const MarginErrorBackwardArgs& args) {
  if (args.shape.count() == 0) return;
  const Elements e = elements(args.shape, args.student, args.teacher, args.margin, args.grad_student);
  if (e.packs) {
    ENGRAM_LAUNCH(gradient_kernel<4>, grid_of(e.tiles()), kThreads, e.shared_bytes(), stream, e, args.student,
                  args.teacher, args.margin, args.grad, args.factor, args.grad_student);
  } else {
    ENGRAM_LAUNCH(gradient_kernel<1>, grid_of(e.tiles()), kThreads, e.shared_bytes(), stream, e, args.student,
                  args.teacher, args.margin, args.grad, args.factor, args.grad_student);
  }
}

std::size_t workspace_bytes(const ActivationShape& shape) {
  return shape.count() == 0 ? 0 : std::size_t(elements(shape).tiles()) * sizeof(double);
}

}  // namespace

const MarginErrorKernels kCudaMarginError = {forward, backward, workspace_bytes};

}  // namespace engram::kernels
