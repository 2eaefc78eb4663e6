#include "models/methods/distillation/channel_halves.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/indexed_rows.h"

namespace engram {

ChannelHalves::ChannelHalves(const char* term, dim_t channels, const HalvesOptions& o, bool uses_inherited,
                             bool uses_explored, std::uint64_t seed, Device device)
    : channels_(channels), inherited_(0), device_(device) {
  if (o.split != "natural" && o.split != "random")
    throw UsageError(message("[", term, "] expected the split natural or random, got ", o.split));
  if (!(o.share >= 0 && o.share <= 1))
    throw UsageError(message("[", term, "] expected a share in [0,1], got ", o.share));
  // floor(C / 2) at one half, as released.
  inherited_ = o.share == 0.5 ? channels / 2 : dim_t(std::llround(o.share * double(channels)));
  if ((uses_inherited && inherited_ == 0) || (uses_explored && inherited_ == channels))
    throw UsageError(message("[", term, "] expected a share that leaves a channel of ", channels,
                             " to each half whose factor is not 0, got ", o.share));
  if (o.split == "random") {
    Generator generator(seed);
    set_order(generator.permutation(channels));
  }
}

void ChannelHalves::check_order(const std::vector<std::int32_t>& order) const {
  std::vector<std::int32_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  bool whole = dim_t(order.size()) == channels_;
  for (std::size_t i = 0; i < sorted.size(); ++i) whole = whole && sorted[i] == std::int32_t(i);
  if (!whole) throw DataError(message("[split] expected each of 0 to ", channels_ - 1, " once"));
}

void ChannelHalves::set_order(const std::vector<std::int32_t>& order) {
  check_order(order);
  const auto middle = order.begin() + std::ptrdiff_t(inherited_);
  first_ = Tensor::from(std::vector<std::int32_t>(order.begin(), middle), {inherited_}, device_);
  second_ = Tensor::from(std::vector<std::int32_t>(middle, order.end()), {channels_ - inherited_}, device_);
}

ChannelSplit::Parts ChannelHalves::operator()(const Tensor& feature) const {
  ChannelSplit::Parts parts;
  if (inherited_ > 0)
    parts.first = first_.defined() ? select_known(feature, 1, first_) : slice(feature, 1, 0, inherited_);
  if (inherited_ < channels_)
    parts.second = first_.defined() ? select_known(feature, 1, second_) : slice(feature, 1, inherited_, channels_);
  return parts;
}

void ChannelHalves::visit_state(const std::string& name, StateVisitor& visitor) {
  if (!first_.defined()) return;
  visitor.visit(name + ".inherited", first_);
  visitor.visit(name + ".explored", second_);
  if (!visitor.restores()) return;
  // Nobody looks at the lists again, and they came from a file.
  std::vector<std::int32_t> order = first_.to_int_vector();
  for (const std::int32_t channel : second_.to_int_vector()) order.push_back(channel);
  check_order(order);
}

}  // namespace engram
