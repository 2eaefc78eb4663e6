#pragma once
/// Which channels pruning keeps: network slimming (Liu et al. 2017) and L1-norm filter pruning (Li et al. 2017), as in
/// the rethinking-network-pruning code (docs/methods/pruning.md).

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/methods/compression/channel_groups.h"
#include "models/module.h"

namespace engram {

/// 1 for each channel that stays.
using ChannelMask = std::vector<std::uint8_t>;

/// How many stay.
dim_t count_kept(const ChannelMask& mask);

/// A choice by one threshold for all groups.
struct SlimmingChoice {
  dim_t threshold_index = 0;  ///< place of the threshold among all gains in ascending order
  float threshold = 0;
  std::vector<ChannelMask> masks;
};

/// Keeps the channels whose gain |gamma| is above the one at place int(total * ratio) of all of them in ascending
/// order: so one channel more than the share goes, and every one that equals the threshold. A group may lose all.
/// `gains` has the values of each group's batch normalisation. Throws UsageError unless 0 <= ratio < 1, DataError for
/// gains that are not finite.
SlimmingChoice choose_by_gain(const std::vector<std::vector<float>>& gains, double ratio);

/// The largest ratio, in steps of 1e-4, for which choose_by_gain leaves every group a channel; -1 when there is none.
double largest_slimming_ratio(const std::vector<std::vector<float>>& gains);

/// Keeps the int(n (1 - ratio)) rows of n with the largest sums of absolute values (of equal ones the first). Throws
/// UsageError unless 0 <= ratio < 1.
ChannelMask choose_by_norm(const std::vector<double>& norms, double ratio);

/// The sum of absolute values of each output of a convolution's weight, in double precision.
std::vector<double> filter_norms(const Tensor& weight);

/// Which share of each group's filters goes by their L1 norms.
struct FilterPlan {
  std::vector<double> stage_ratios;  ///< one a stage; a single one counts for all
  std::vector<int> skipped = {};     ///< layers that stay whole, by ChannelGroup::layer_index
  std::string network = {};          ///< the network that the numbers are of, "vgg16"; empty for any
};

/// The plans of L1-norm pruning's code by name: "resnet56-a", "resnet56-b", "resnet110-a", "resnet110-b" (a ratio a
/// stage, with skipped layers) and "vgg16" (halves of the first and the last six layers).
const std::map<std::string, FilterPlan>& published_filter_plans();

/// Throws UsageError, naming both, where a plan is of another network than that of the architecture `arch`. Variants of
/// a network, as "vgg16-w32" and those with fewer channels, are the same one.
void check_plan_network(const FilterPlan& plan, const std::string& arch);

/// The gains of the groups' batch normalisations. Throws UsageError for a group without one.
std::vector<std::vector<float>> gains_of(const StateDict& state, const std::vector<ChannelGroup>& groups);

/// Network slimming. Throws UsageError for a ratio that would empty a layer, with the largest that does not, as
/// choose_by_gain and as gains_of.
std::vector<ChannelMask> slimming_masks(const StateDict& state, const std::vector<ChannelGroup>& groups, double ratio);

/// L1-norm pruning. Throws UsageError for a plan that does not fit the groups, and for a ratio that would empty a
/// layer, with the largest that does not.
std::vector<ChannelMask> filter_masks(const StateDict& state, const std::vector<ChannelGroup>& groups,
                                      const FilterPlan& plan);

}  // namespace engram
