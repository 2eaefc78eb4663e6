#include <algorithm>

#include "kernels/ball_scan/ball_scan.h"
#include "kernels/common/simd.h"

namespace engram::kernels {
namespace {

/// Points that are looked at together: hits are rare, so most blocks cost one vector comparison each way.
constexpr dim_t kBlock = 64;

/// Whether any of the block's points is a hit.
template <bool kReach>
ENGRAM_ALWAYS_INLINE bool any_hit(const BallScanArgs& args, dim_t begin, dim_t count) {
  int any = 0;
  for (dim_t j = begin; j < begin + count; ++j) {
    const float v = args.norm[j] - 2 * args.product[j];
    any |= v < args.bound;
    if constexpr (kReach) any |= v < args.reach[j] + args.shift;
  }
  return any != 0;
}

template <bool kReach>
ENGRAM_ALWAYS_INLINE dim_t scan_points(const BallScanArgs& args) {
  dim_t hits = 0;
  for (dim_t begin = 0; begin < args.count; begin += kBlock) {
    const dim_t count = std::min(kBlock, args.count - begin);
    if (!any_hit<kReach>(args, begin, count)) continue;
    for (dim_t j = begin; j < begin + count; ++j) {
      const float v = args.norm[j] - 2 * args.product[j];
      const bool hit = v < args.bound || (kReach && v < args.reach[j] + args.shift);
      args.hits[hits] = std::int32_t(j);
      hits += hit;
    }
  }
  return hits;
}

ENGRAM_MULTIVERSION dim_t scan_around_point(const BallScanArgs& args) {
  return scan_points<false>(args);
}

ENGRAM_MULTIVERSION dim_t scan_both(const BallScanArgs& args) {
  return scan_points<true>(args);
}

void scan(Stream, const BallScanArgs& args) {
  *args.num_hits = args.reach ? scan_both(args) : scan_around_point(args);
}

}  // namespace

const BallScanKernels kCpuBallScan = {.scan = scan};

}  // namespace engram::kernels
