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

Tensor shared_by(const Tensor& x, int children) {
  const Tensor value = x.detach();
  return value + (x - value) * float(1.0 / children);
}

BranchedNetwork::BranchedNetwork(Network& first, std::vector<std::unique_ptr<Network>> others, std::vector<int> splits)
    : first_(first), others_(std::move(others)), splits_(std::move(splits)) {
  if (others_.empty()) throw UsageError("[branches] expected at least 2 branches, got 1");
  for (const auto& other : others_)
    if (other->arch() != first.arch() || other->num_classes() != first.num_classes() || other->image() != first.image())
      throw UsageError(message("[branches] expected networks of one kind, got ", first.arch(), " and ", other->arch()));
  const int stages = int(first.taps().size());
  int before = 0;
  for (const int split : splits_) {
    if (split <= before || split >= stages)
      throw UsageError(message("[branches] expected ", before + 1, " to ", stages - 1, " shared of the ", stages,
                               " stages of ", first.arch(), ", got ", split));
    before = split;
  }
  children_ = int(std::lround(std::pow(double(num_branches()), 1 / double(splits_.size()))));
  if (std::pow(children_, splits_.size()) != num_branches() || children_ < 2)
    throw UsageError(message("[branches] expected as many children of each of ", splits_.size(), " splits, got ",
                             num_branches(), " branches"));
}

int BranchedNetwork::branches_below(std::size_t split) const {
  int count = num_branches();
  for (std::size_t s = 0; s <= split; ++s) count /= children_;
  return count;
}

int BranchedNetwork::shared_stages(int b) const {
  std::size_t split = 0;
  while (b % branches_below(split) != 0) ++split;
  return splits_[split];
}

BranchedNetwork::Output BranchedNetwork::forward(const Tensor& x, bool divided) {
  Output result;
  result.trunk = first_.forward_stages(x, 0, splits_[0]);
  std::vector<Tensor> maps = {result.trunk};
  for (std::size_t s = 0; s < splits_.size(); ++s) {
    const bool is_last = s + 1 == splits_.size();
    std::vector<Tensor> next;
    for (const Tensor& map : maps) {
      const Tensor entry = divided ? shared_by(map, children_) : map;
      for (int child = 0; child < children_; ++child) {
        Network& network = branch(int(next.size()) * branches_below(s));
        next.push_back(is_last ? network.forward_from(entry, splits_[s], {}).logits
                               : network.forward_stages(entry, splits_[s], splits_[s + 1]));
      }
    }
    maps = std::move(next);
  }
  result.logits = std::move(maps);
  return result;
}

std::vector<NamedTensor> BranchedNetwork::named_parameters() const {
  std::vector<NamedTensor> all;
  for (int b = 0; b < num_branches(); ++b) {
    const std::vector<NamedTensor> own =
        b == 0 ? first_.named_parameters() : parameters_from(branch(b), shared_stages(b));
    for (const NamedTensor& parameter : own) all.push_back({message(b, ".", parameter.name), parameter.tensor});
  }
  return all;
}

void BranchedNetwork::train(bool on) {
  for (int b = 0; b < num_branches(); ++b) branch(b).train(on);
}

}  // namespace engram
