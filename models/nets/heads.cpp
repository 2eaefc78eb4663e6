#include "models/nets/heads.h"

#include <algorithm>
#include <cmath>

#include "engine/autograd.h"

namespace engram {
namespace {

/// `order` cut after its first round(share C) entries.
ChannelSplit cut(const std::vector<std::int32_t>& order, double share) {
  const auto count = std::ptrdiff_t(std::llround(share * double(order.size())));
  if (!(share >= 0 && share <= 1) || count < 1 || count >= std::ptrdiff_t(order.size()))
    throw UsageError(message("[channel_split] expected a share that leaves a channel on both sides of ", order.size(),
                             ", got ", share));
  return ChannelSplit({order.begin(), order.begin() + count}, {order.begin() + count, order.end()});
}

Tensor selected(const Tensor& feature, const std::vector<std::int32_t>& channels) {
  // Neighbouring channels are a slice, which copies nothing.
  const auto count = dim_t(channels.size());
  bool neighbours = true;
  for (dim_t i = 1; i < count; ++i) neighbours = neighbours && channels[std::size_t(i)] == channels[0] + i;
  if (neighbours) return slice(feature, 1, channels[0], channels[0] + count);
  return index_select(feature, 1, Tensor::from(channels, {count}, feature.device()));
}

}  // namespace

ChannelSplit ChannelSplit::natural(dim_t channels, double share) {
  std::vector<std::int32_t> order(std::size_t(std::max<dim_t>(0, channels)));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = std::int32_t(i);
  return cut(order, share);
}

ChannelSplit ChannelSplit::random(dim_t channels, double share, Generator& generator) {
  return cut(generator.permutation(channels), share);
}

ChannelSplit::ChannelSplit(std::vector<std::int32_t> first, std::vector<std::int32_t> second)
    : first_(std::move(first)), second_(std::move(second)) {
  std::vector<std::int32_t> all = first_;
  all.insert(all.end(), second_.begin(), second_.end());
  std::sort(all.begin(), all.end());
  bool whole = !first_.empty() && !second_.empty();
  for (std::size_t i = 0; i < all.size(); ++i) whole = whole && all[i] == std::int32_t(i);
  if (!whole)
    throw DataError(message("[channel_split] expected two lists that hold each of 0 to C-1 once, got ", first_.size(),
                            " and ", second_.size(), " channels that do not"));
}

ChannelSplit::Parts ChannelSplit::operator()(const Tensor& feature) const {
  const dim_t channels = dim_t(first_.size() + second_.size());
  if (feature.rank() < 2 || feature.dim(1) != channels)
    throw ShapeError(message("[channel_split] expected ", channels, " channels, got ", feature.describe()));
  return {selected(feature, first_), selected(feature, second_)};
}

std::vector<NamedTensor> parameters_from(Network& network, int stages) {
  const TapSpec& tap = network.taps()[std::size_t(stages - 1)];
  const bool was_training = network.is_training();
  network.eval();  // statistics stay as they are
  const Tensor trunk = Tensor::zeros({1, tap.channels, tap.height, tap.width}, network.device());
  const Tensor logits = network.forward_from(trunk, stages, {}).logits;
  network.train(was_training);
  const std::vector<NamedTensor> all = network.named_parameters();
  const std::vector<Tensor> gradients = grad({sum(logits)}, network.parameters(), {.allow_unused = true});
  std::vector<NamedTensor> used;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (gradients[i].defined()) used.push_back(all[i]);
  return used;
}

BranchedNetwork::BranchedNetwork(std::vector<std::unique_ptr<Network>> branches, int shared_stages)
    : branches_(std::move(branches)), shared_stages_(shared_stages) {
  if (branches_.empty()) throw UsageError("[branches] expected at least one network, got none");
  const Network& first = *branches_[0];
  for (const auto& branch : branches_)
    if (branch->arch() != first.arch() || branch->num_classes() != first.num_classes() ||
        branch->image() != first.image())
      throw UsageError(
          message("[branches] expected networks of one kind, got ", first.arch(), " and ", branch->arch()));
  if (shared_stages < 1 || shared_stages > int(first.taps().size()))
    throw UsageError(message("[branches] expected 1 to ", first.taps().size(), " shared stages, got ", shared_stages));
}

BranchedNetwork::Output BranchedNetwork::forward(const Tensor& x, const FeatureRequest& request) {
  Output result;
  result.trunk = branches_[0]->forward_trunk(x, shared_stages_);
  for (const auto& branch : branches_)
    result.branches.push_back(branch->forward_from(result.trunk, shared_stages_, request));
  return result;
}

std::vector<NamedTensor> BranchedNetwork::named_parameters() const {
  std::vector<NamedTensor> all;
  for (std::size_t b = 0; b < branches_.size(); ++b) {
    const std::vector<NamedTensor> own =
        b == 0 ? branches_[b]->named_parameters() : parameters_from(*branches_[b], shared_stages_);
    for (const NamedTensor& parameter : own) all.push_back({message(b, ".", parameter.name), parameter.tensor});
  }
  return all;
}

void BranchedNetwork::train(bool on) {
  for (const auto& branch : branches_) branch->train(on);
}

}  // namespace engram
