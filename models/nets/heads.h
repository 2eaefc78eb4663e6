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

/// x, with its gradient divided by `children`: what several heads send into what they share.
Tensor shared_by(const Tensor& x, int children);

/// Several classifiers that grow from one trunk: ONE and collaborative learning. Whatever splits has as many children.
/// Branch 0 is a whole network, so that it can be deployed; of the others only the stages that they do not share with
/// branches before them are used.
class BranchedNetwork {
 public:
  /// A tree that splits after each of these numbers of stages (ascending): all at once after one, in twos after two for
  /// four branches. `first` outlives this object; `others` are networks of its kind, the branches from 1 on. Throws
  /// UsageError for fewer than two branches, other kinds, and numbers that do not fit.
  BranchedNetwork(Network& first, std::vector<std::unique_ptr<Network>> others, std::vector<int> splits);

  /// The map at the first split, and the logits of all branches.
  struct Output {
    Tensor trunk;
    std::vector<Tensor> logits;
  };
  /// With `divided`, gradients are divided by the children at each split.
  Output forward(const Tensor& x, bool divided = false);

  /// Parameters that play a part, under the names "0.conv1.weight", "1.layer3.0.conv1.weight", ...
  std::vector<NamedTensor> named_parameters() const;
  Network& branch(int b) const { return b == 0 ? first_ : *others_[std::size_t(b - 1)]; }
  int num_branches() const { return 1 + int(others_.size()); }
  void train(bool on = true);

 private:
  /// Branches below each child of a split.
  int branches_below(std::size_t split) const;
  /// Stages of branch b that belong to a branch before it.
  int shared_stages(int b) const;

  Network& first_;
  std::vector<std::unique_ptr<Network>> others_;
  std::vector<int> splits_;
  int children_ = 1;  // of each split
};

}  // namespace engram
