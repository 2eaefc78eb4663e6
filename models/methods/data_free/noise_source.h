#pragma once
/// The noise of a task's steps.

#include <deque>

#include "engine/random.h"

namespace engram {

/// Normal noise from a stream, or, where a run is replayed, values that were given beforehand.
class NoiseSource {
 public:
  NoiseSource(std::uint64_t seed, const Device& device) : stream_(seed), device_(device) {}

  /// f32, N(0,1), on the device. Queues only.
  Tensor draw(const Shape& shape) {
    if (given_.empty()) return normal(shape, stream_, 0, 1, device_);
    const Tensor values = given_.front();
    given_.pop_front();
    if (values.shape() != shape)
      throw ShapeError(
          message("[noise] expected given values of shape ", to_string(shape), ", got ", values.describe()));
    return values;
  }
  /// The result of a later draw, in the order of the calls.
  void give(const Tensor& values) { given_.push_back(values.to(device_)); }
  /// To be shown to StateVisitors.
  Generator& stream() { return stream_; }

 private:
  Generator stream_;
  Device device_;
  std::deque<Tensor> given_;
};

}  // namespace engram
