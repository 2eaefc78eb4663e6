#pragma once
/// Vector clocks of the lanes of a warp: what __syncwarp orders, and nothing else does (shuffles are no memory fence).

#include <array>
#include <cstdint>
#include <vector>

namespace emu {

/// Clocks of all warps of the running block.
class WarpClocks {
 public:
  /// A new block: every lane at 1, knowing nothing of the others.
  void reset(std::size_t warps);
  /// `lanes` of a warp synchronised.
  void synchronise(unsigned warp, std::uint32_t lanes);
  /// The lane's own clock.
  std::uint32_t own(unsigned warp, unsigned lane) const { return clocks_[warp][lane][lane]; }
  /// Whether `lane` has seen what `other` did at its clock value `clock`.
  bool has_seen(unsigned warp, unsigned lane, unsigned other, std::uint32_t clock) const {
    return clocks_[warp][lane][other] >= clock;
  }

 private:
  using LaneClocks = std::array<std::uint32_t, 32>;
  std::vector<std::array<LaneClocks, 32>> clocks_;
};

}  // namespace emu
