#include "kernels/ball_scan/ball_scan.h"

namespace engram::kernels {

Cost ball_scan_cost(dim_t count, bool reach) {
  return {(reach ? 3 : 2) * count * 4, 0, 5 * count};
}

namespace reference {

void ball_scan(const BallScanArgs& args) {
  *args.num_hits = 0;
  for (dim_t j = 0; j < args.count; ++j) {
    const float v = args.norm[j] - 2 * args.product[j];
    if (v < args.bound || (args.reach && v < args.reach[j] + args.shift))
      args.hits[(*args.num_hits)++] = std::int32_t(j);
  }
}

}  // namespace reference

}  // namespace engram::kernels
