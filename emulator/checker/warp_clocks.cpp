#include "emulator/checker/warp_clocks.h"

#include <algorithm>

namespace emu {

void WarpClocks::reset(std::size_t warps) {
  clocks_.assign(warps, {});
  for (auto& warp : clocks_) {
    for (unsigned lane = 0; lane < 32; ++lane) warp[lane][lane] = 1;
  }
}

void WarpClocks::synchronise(unsigned warp, std::uint32_t lanes) {
  LaneClocks merged{};
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const LaneClocks& lane = clocks_[warp][std::size_t(__builtin_ctz(rest))];
    for (unsigned i = 0; i < 32; ++i) merged[i] = std::max(merged[i], lane[i]);
  }
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const auto lane = std::size_t(__builtin_ctz(rest));
    clocks_[warp][lane] = merged;
    ++clocks_[warp][lane][lane];
  }
}

}  // namespace emu
