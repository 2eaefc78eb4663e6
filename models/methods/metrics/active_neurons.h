#pragma once
/// How many neurons of a layer, and how many directions, a network uses. docs/methods/analysis.md.

#include <vector>

#include "kernels/common/types.h"

namespace engram {

/// Values of a layer's channels over examples, [examples, channels] row-major.
struct ChannelValues {
  std::vector<float> values;
  dim_t channels = 0;

  dim_t examples() const { return channels == 0 ? 0 : dim_t(values.size()) / channels; }
  /// The channels [first, last) of each example. Throws UsageError unless 0 <= first < last <= channels.
  ChannelValues part(dim_t first, dim_t last) const;
};

/// Directions in which values vary, from the eigenvalues of their covariance.
struct ActiveDirections {
  dim_t rank = 0;            ///< fewest directions that hold the share of the variance
  double participation = 0;  ///< (sum of eigenvalues)^2 / sum of their squares
  double entropy_rank = 0;   ///< exp of the entropy of their shares (Roy and Vetterli 2007, "The Effective Rank")
};

/// Channels whose mean over the examples exceeds `threshold` times the largest channel mean. Throws ShapeError without
/// examples, UsageError unless 0 <= threshold < 1.
dim_t active_channels(const ChannelValues& activations, double threshold = 0.01);

/// Of values whose covariance is 0 everything is 0. Throws ShapeError for fewer than two examples, UsageError unless
/// 0 < share <= 1, DataError for values that are not finite.
ActiveDirections active_directions(const ChannelValues& values, double share = 0.99);

}  // namespace engram
