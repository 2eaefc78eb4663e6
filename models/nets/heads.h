#pragma once
/// What stands between a network's features and several losses or classifiers: channels split in two, and branches that
/// go on from one trunk.

#include <memory>
#include <vector>

#include "engine/random.h"
#include "models/nets/network.h"

namespace engram {

/// Cuts the channels of a feature map in two (IE-KD: an inherited and an explored half). Which channels go where is
/// fixed when it is made, and is part of a run's state.
class ChannelSplit {
 public:
  /// The first round(share C) channels, and the rest. Throws UsageError unless both parts have a channel.
  static ChannelSplit natural(dim_t channels, double share);
  /// As many, drawn at random; each part in the order drawn.
  static ChannelSplit random(dim_t channels, double share, Generator& generator);
  /// Given channels: a stored split. Throws DataError unless the two lists hold each of 0 .. C-1 once.
  ChannelSplit(std::vector<std::int32_t> first, std::vector<std::int32_t> second);

  struct Parts {
    Tensor first, second;
  };
  /// [N,C,...] -> its two parts; gradients flow back to both. Throws ShapeError for another number of channels.
  Parts operator()(const Tensor& feature) const;

  const std::vector<std::int32_t>& first() const { return first_; }
  const std::vector<std::int32_t>& second() const { return second_; }

 private:
  std::vector<std::int32_t> first_, second_;
};

/// The parameters of `network` that the logits depend on when it goes on from the end of stage `stages` - 1.
std::vector<NamedTensor> parameters_from(Network& network, int stages);

/// Several classifiers that share the first stages of one network: ONE and collaborative learning. The trunk is that of
/// branch 0, which alone is a complete network, so that it can be deployed; of the other branches only the later stages
/// are used.
class BranchedNetwork {
 public:
  /// `branches` are networks of one specification, at least one; all share the first `shared_stages` stages of the
  /// first. Throws UsageError otherwise.
  BranchedNetwork(std::vector<std::unique_ptr<Network>> branches, int shared_stages);

  /// What all branches say of x, and the trunk's map, in branch order.
  struct Output {
    Tensor trunk;
    std::vector<Features> branches;
  };
  Output forward(const Tensor& x, const FeatureRequest& request = {});

  /// Parameters that play a part: all of branch 0, of the others those of the later stages, under the names
  /// "0.conv1.weight", "1.layer3.0.conv1.weight", ...
  std::vector<NamedTensor> named_parameters() const;
  Network& branch(int b) { return *branches_[std::size_t(b)]; }
  int num_branches() const { return int(branches_.size()); }
  void train(bool on = true);

 private:
  std::vector<std::unique_ptr<Network>> branches_;
  int shared_stages_;
};

}  // namespace engram
