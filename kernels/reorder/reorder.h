#pragma once
/// Activations between planar NCHW and the blocked CPU layout nChw16c. Exact, so bits do not depend on threads.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Copies an activation [n,c,h,w] of f32 to the other layout. The planar side is dense with c channels; the blocked
/// side holds ceil(c / 16) blocks. `src` and `dst` must not overlap.
struct ReorderArgs {
  const float* src;
  float* dst;
  dim_t n, c, h, w;
};

/// Entry points of one back end.
struct ReorderKernels {
  /// Planar to blocked. Lanes beyond `c` in the last block become 0.
  void (*to_blocked)(Stream, const ReorderArgs&);
  /// Blocked to planar. Lanes beyond `c` are not read.
  void (*to_planar)(Stream, const ReorderArgs&);
};

/// Channels of the blocked side: `c` rounded up to a multiple of kCpuChannelBlock.
constexpr dim_t padded_channels(dim_t c) {
  return (c + kCpuChannelBlock - 1) / kCpuChannelBlock * kCpuChannelBlock;
}

/// Planar to blocked: source read, padded destination written. The other direction moves at most as much.
Cost reorder_cost(const ReorderArgs& args);

/// The CPU back end.
extern const ReorderKernels kCpuReorder;

/// Plain loops: the oracle of the tests.
namespace reference {
void to_blocked(const ReorderArgs& args);
void to_planar(const ReorderArgs& args);
}  // namespace reference

}  // namespace engram::kernels
