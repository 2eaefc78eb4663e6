#include "models/methods/compression/channel_choice.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/component.h"

namespace engram {
namespace {

/// Ratios are said with four digits.
constexpr double kRatioSteps = 1e4;

void check_ratio(double ratio) {
  if (!(ratio >= 0 && ratio < 1)) throw UsageError(message("[prune] expected a ratio in [0,1), got ", ratio));
}

std::vector<float> sorted_gains(const std::vector<std::vector<float>>& gains) {
  std::vector<float> all;
  for (const std::vector<float>& group : gains)
    for (const float gain : group) {
      if (!std::isfinite(gain)) throw DataError(message("[prune] expected finite gains, got ", gain));
      all.push_back(std::abs(gain));
    }
  if (all.empty()) throw UsageError("[prune] expected a network with channels to prune, got none");
  std::sort(all.begin(), all.end());
  return all;
}

/// The place that the published code computes, in the same arithmetic.
dim_t threshold_place(std::size_t total, double ratio) {
  return dim_t(double(total) * ratio);
}

dim_t kept_filters(dim_t channels, double ratio) {
  return dim_t(double(channels) * (1 - ratio));
}

double group_ratio(const ChannelGroup& group, const FilterPlan& plan) {
  if (std::find(plan.skipped.begin(), plan.skipped.end(), group.layer_index) != plan.skipped.end()) return 0;
  return plan.stage_ratios.size() == 1 ? plan.stage_ratios[0] : plan.stage_ratios[std::size_t(group.stage)];
}

/// Throws UsageError where a plan speaks of stages or layers that are not there.
void check_plan(const std::vector<ChannelGroup>& groups, const FilterPlan& plan) {
  int stages = 0;
  for (const ChannelGroup& group : groups) stages = std::max(stages, group.stage + 1);
  if (plan.stage_ratios.size() != 1 && plan.stage_ratios.size() != std::size_t(stages))
    throw UsageError(
        message("[prune] expected one ratio, or one for each of ", stages, " stages, got ", plan.stage_ratios.size()));
  for (const int skipped : plan.skipped)
    if (std::none_of(groups.begin(), groups.end(), [&](const ChannelGroup& g) { return g.layer_index == skipped; })) {
      std::string layers;
      for (const ChannelGroup& group : groups)
        layers += (layers.empty() ? "" : ", ") + std::to_string(group.layer_index);
      throw UsageError(
          message("[prune] expected convolutions that can lose channels to stay whole (", layers, "), got ", skipped));
    }
}

/// The largest ratio in steps for which `empty` is not true; -1 when there is none.
template <class Empty>
double largest_ratio(const Empty& empty) {
  for (int step = int(kRatioSteps) - 1; step >= 0; --step)
    if (!empty(step / kRatioSteps)) return step / kRatioSteps;
  return -1;
}

[[noreturn]] void refuse(double ratio, const ChannelGroup& group, double largest) {
  const std::string most =
      largest < 0 ? std::string("no ratio leaves it one") : message("the largest possible ratio is ", largest);
  throw UsageError(message("[prune] expected a ratio that leaves each layer a channel, got ", ratio, ", which empties ",
                           group.conv, "; ", most));
}

const Tensor& tensor_of(const StateDict& state, const std::string& name) {
  const auto found = state.find(name);
  if (found == state.end()) throw UsageError(message("[prune] expected a tensor ", name, ", got none"));
  return found->second;
}

}  // namespace

dim_t count_kept(const ChannelMask& mask) {
  return std::accumulate(mask.begin(), mask.end(), dim_t(0));
}

SlimmingChoice choose_by_gain(const std::vector<std::vector<float>>& gains, double ratio) {
  check_ratio(ratio);
  const std::vector<float> sorted = sorted_gains(gains);
  SlimmingChoice choice{.threshold_index = threshold_place(sorted.size(), ratio), .masks = {}};
  choice.threshold = sorted[std::size_t(choice.threshold_index)];
  for (const std::vector<float>& group : gains) {
    ChannelMask& mask = choice.masks.emplace_back();
    for (const float gain : group) mask.push_back(std::abs(gain) > choice.threshold);
  }
  return choice;
}

double largest_slimming_ratio(const std::vector<std::vector<float>>& gains) {
  const std::vector<float> sorted = sorted_gains(gains);
  float least_maximum = sorted.back();  // of the groups: from it on a threshold empties one
  for (const std::vector<float>& group : gains) {
    float maximum = 0;
    for (const float gain : group) maximum = std::max(maximum, std::abs(gain));
    least_maximum = std::min(least_maximum, maximum);
  }
  return largest_ratio(
      [&](double ratio) { return !(sorted[std::size_t(threshold_place(sorted.size(), ratio))] < least_maximum); });
}

ChannelMask choose_by_norm(const std::vector<double>& norms, double ratio) {
  check_ratio(ratio);
  std::vector<dim_t> order(norms.size());
  std::iota(order.begin(), order.end(), dim_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](dim_t a, dim_t b) { return norms[std::size_t(a)] > norms[std::size_t(b)]; });
  ChannelMask mask(norms.size(), 0);
  for (dim_t i = 0; i < kept_filters(dim_t(norms.size()), ratio); ++i) mask[std::size_t(order[std::size_t(i)])] = 1;
  return mask;
}

std::vector<double> filter_norms(const Tensor& weight) {
  const std::vector<float> values = weight.to_vector();
  const std::size_t filter = values.size() / std::size_t(weight.dim(0));
  std::vector<double> norms;
  for (std::size_t first = 0; first < values.size(); first += filter) {
    double sum = 0;
    for (std::size_t i = first; i < first + filter; ++i) sum += std::abs(double(values[i]));
    norms.push_back(sum);
  }
  return norms;
}

const std::map<std::string, FilterPlan>& published_filter_plans() {
  static const std::map<std::string, FilterPlan> plans = {
      {"resnet56-a", {{0.1, 0.1, 0.1}, {16, 20, 38, 54}, "resnet56"}},
      {"resnet56-b", {{0.6, 0.3, 0.1}, {16, 18, 20, 34, 38, 54}, "resnet56"}},
      {"resnet110-a", {{0.5, 0., 0.}, {36}, "resnet110"}},
      {"resnet110-b", {{0.5, 0.4, 0.3}, {36, 38, 74}, "resnet110"}},
      {"vgg16", {{0.5}, {2, 3, 4, 5, 6, 7}, "vgg16"}}};
  return plans;
}

void check_plan_network(const FilterPlan& plan, const std::string& arch) {
  if (plan.network.empty()) return;
  const std::string name = parse_component(arch).name;
  if (name != plan.network && !name.starts_with(plan.network + "-"))
    throw UsageError(message("[prune] expected a classifier with the network ", plan.network,
                             ", whose layers the published shares are of, got ", name));
}

std::vector<std::vector<float>> gains_of(const StateDict& state, const std::vector<ChannelGroup>& groups) {
  std::vector<std::vector<float>> gains;
  for (const ChannelGroup& group : groups) {
    if (group.bn.empty())
      throw UsageError(message("[slimming] expected a network with batch normalisation, got none after ", group.conv));
    gains.push_back(tensor_of(state, group.bn + ".weight").to_vector());
  }
  return gains;
}

std::vector<ChannelMask> slimming_masks(const StateDict& state, const std::vector<ChannelGroup>& groups, double ratio) {
  const std::vector<std::vector<float>> gains = gains_of(state, groups);
  std::vector<ChannelMask> masks = choose_by_gain(gains, ratio).masks;
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (count_kept(masks[g]) == 0) refuse(ratio, groups[g], largest_slimming_ratio(gains));
  return masks;
}

std::vector<ChannelMask> filter_masks(const StateDict& state, const std::vector<ChannelGroup>& groups,
                                      const FilterPlan& plan) {
  check_plan(groups, plan);
  std::vector<ChannelMask> masks;
  for (const ChannelGroup& group : groups) {
    const double ratio = group_ratio(group, plan);
    masks.push_back(choose_by_norm(filter_norms(tensor_of(state, group.conv + ".weight")), ratio));
    if (count_kept(masks.back()) > 0) continue;
    dim_t narrowest = group.channels;
    for (const ChannelGroup& other : groups)
      if (group_ratio(other, plan) > 0) narrowest = std::min(narrowest, other.channels);
    refuse(ratio, group, largest_ratio([&](double r) { return kept_filters(narrowest, r) == 0; }));
  }
  return masks;
}

}  // namespace engram
