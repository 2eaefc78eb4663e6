#pragma once
/// Moves of a batch of images before the classifier sees them.

#include "engine/tensor.h"

namespace engram {

/// A move of all images of a batch: circular shift by dy rows and dx columns, then a horizontal flip.
struct ImageMove {
  int dy = 0, dx = 0;
  bool flip = false;
};

/// A move on a device, for roll_flip and channel_scale, in a place that stays.
class StagedMove {
 public:
  /// The move that changes nothing.
  explicit StagedMove(const Device& device);
  /// Queues another move.
  void stage(const ImageMove& move);
  /// i32 [3]: dy, dx, flip.
  const Tensor& tensor() const { return jitter_; }

 private:
  Tensor jitter_;
};

}  // namespace engram
