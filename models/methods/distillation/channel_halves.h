#pragma once
/// The inheriting and the exploring channels of a student (IE-KD; docs/methods/distillation.md, "IE-KD").

#include "models/nets/heads.h"
#include "models/training/state_visitor.h"

namespace engram {

/// How the channels are cut.
struct HalvesOptions {
  double share = 0.5;             ///< of the inheriting channels
  std::string split = "natural";  ///< or "random": drawn once, and kept in checkpoints
};

/// Cuts a map's channels in two, on its device: a random cut reads its lists there, so that it can be captured and a
/// resumed run has the lists of the first one.
class ChannelHalves {
 public:
  /// `term` is for messages. Throws UsageError for an unknown split, and for a half without a channel unless it is not
  /// `used`.
  ChannelHalves(const char* term, dim_t channels, const HalvesOptions& options, bool uses_inherited, bool uses_explored,
                std::uint64_t seed, Device device);

  dim_t inherited() const { return inherited_; }
  dim_t explored() const { return channels_ - inherited_; }
  /// [N,C,H,W] to its halves; an empty one is undefined.
  ChannelSplit::Parts operator()(const Tensor& feature) const;
  /// Takes this order of the channels: first the inheriting, then the exploring ones. Throws DataError unless it is a
  /// permutation.
  void set_order(const std::vector<std::int32_t>& order);
  /// Throws DataError for restored lists that are none.
  void visit_state(const std::string& name, StateVisitor& visitor);

 private:
  void check_order(const std::vector<std::int32_t>& order) const;

  dim_t channels_, inherited_;
  Tensor first_, second_;  // i32; undefined for a natural cut
  Device device_;
};

}  // namespace engram
