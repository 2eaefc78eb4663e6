#include "models/methods/data_free/bn_matching.h"

#include "engine/autograd.h"
#include "models/init.h"

namespace engram {
namespace {

/// The normalised values are not wanted here; this keeps them finite where a vector holds negative "variances".
constexpr float kNoScale = 1e12f;

/// Distances of the batch statistics of all inputs from given vectors.
Tensor distance_from(const std::vector<BnInput>& inputs, const std::vector<Tensor>& means,
                     const std::vector<Tensor>& variances) {
  if (inputs.empty())
    throw UsageError("[bn_distance] expected a network with batch normalisation, got none of its inputs");
  BnStatsMatchGroup group(dim_t(inputs.size()), inputs[0].x.device());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    bn_stats_match(inputs[i].x, {}, {}, means[i], variances[i], {.eps = kNoScale, .group = &group});
  const BnStatsMatchGroup::Sums sums = group.finish();
  return sums.var_norm + sums.mean_norm;
}

}  // namespace

Tensor bn_distance(const std::vector<BnInput>& inputs) {
  std::vector<Tensor> means, variances;
  for (const BnInput& input : inputs) {
    means.push_back(input.layer->running_mean);
    variances.push_back(input.layer->running_var);
  }
  return distance_from(inputs, means, variances);
}

std::vector<BnInput> batch_norms(Network& network) {
  std::vector<BnInput> layers;
  for (const NamedModule& named : network.named_modules())
    if (const auto* bn = dynamic_cast<const BatchNorm2d*>(named.module))
      layers.push_back({named.name, bn, bn->running_mean});
  return layers;
}

BnMomentum::BnMomentum(const std::vector<BnInput>& layers, float momentum) : momentum_(momentum) {
  if (!(momentum >= 0 && momentum < 1))
    throw UsageError(message("[bn_momentum] expected a momentum in [0,1), got ", momentum));
  for (const BnInput& input : layers) {
    means_.push_back(Tensor::zeros({input.layer->channels()}, input.x.device()));
    variances_.push_back(Tensor::zeros({input.layer->channels()}, input.x.device()));
  }
}

void BnMomentum::check(const std::vector<BnInput>& inputs) const {
  if (inputs.size() != means_.size())
    throw UsageError(message("[bn_momentum] expected the inputs of ", means_.size(), " layers, got ", inputs.size()));
}

Tensor BnMomentum::distance(const std::vector<BnInput>& inputs) const {
  check(inputs);
  if (!has_averages()) return bn_distance(inputs);
  // ||r - (1-m) b - m a|| = (1-m) ||(r - m a) / (1-m) - b||: the plain distance from other vectors.
  const float rest = 1 - momentum_;
  std::vector<Tensor> means, variances;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    means.push_back((inputs[i].layer->running_mean - momentum_ * means_[i]) / rest);
    variances.push_back((inputs[i].layer->running_var - momentum_ * variances_[i]) / rest);
  }
  return rest * distance_from(inputs, means, variances);
}

void BnMomentum::update(const std::vector<BnInput>& inputs) {
  check(inputs);
  const NoGradGuard no_grad;
  const float kept = has_averages() ? momentum_ : 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor x = inputs[i].x.detach();
    copy_into(means_[i], kept * means_[i] + (1 - kept) * engram::mean(x, {0, 2, 3}));
    copy_into(variances_[i], kept * variances_[i] + (1 - kept) * var(x, {0, 2, 3}));
  }
}

void BnMomentum::visit_state(const std::string& name, StateVisitor& visitor) {
  visitor.visit(name + ".mean", means_);
  visitor.visit(name + ".variance", variances_);
  std::vector<std::int64_t> updates = {updates_};
  visitor.visit(name + ".updates", updates);
  if (visitor.restores()) {
    if (updates.size() != 1 || updates[0] < 0)
      throw DataError(message("[resume] expected one number of updates in '", name, "', got another list"));
    updates_ = updates[0];
  }
}

}  // namespace engram
