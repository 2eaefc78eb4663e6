#pragma once
/// Activations between planar NCHW and a blocked layout: nChw16c on the CPU, channels-last on CUDA. Exact, so bits do
/// not depend on threads.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Copies an activation [n,c,h,w] of f32 to the other layout. The planar side is dense with c channels; the blocked
/// side holds ceil(c / block) blocks; block = c is channels-last. `src` and `dst` must not overlap.
struct ReorderArgs {
  const float* src;
  float* dst;
  dim_t n, c, h, w;
  dim_t block = kCpuChannelBlock;
};

/// Entry points of one back end.
struct ReorderKernels {
  /// Planar to blocked. Lanes beyond `c` in the last block become 0.
  void (*to_blocked)(Stream, const ReorderArgs&);
  /// Blocked to planar. Lanes beyond `c` are not read.
  void (*to_planar)(Stream, const ReorderArgs&);
};

/// Channels of the blocked side: `c` rounded up to a multiple of the block.
constexpr dim_t padded_channels(dim_t c, dim_t block = kCpuChannelBlock) {
  return (c + block - 1) / block * block;
}

/// Planar to blocked: source read, padded destination written. The other direction moves at most as much.
Cost reorder_cost(const ReorderArgs& args);

/// The CPU back end.
extern const ReorderKernels kCpuReorder;
/// The CUDA back end; defined where its kernels are linked.
extern const ReorderKernels kCudaReorder;

/// Plain loops: the oracle of the tests.
namespace reference {
void to_blocked(const ReorderArgs& args);
void to_planar(const ReorderArgs& args);
}  // namespace reference

}  // namespace engram::kernels
