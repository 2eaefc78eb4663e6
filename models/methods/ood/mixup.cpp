#include "models/methods/ood/mixup.h"

#include "engine/ops.h"
#include "models/methods/ood/beta_draw.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/stacked_environments.h"

namespace engram {

InterDomainMixup::InterDomainMixup(double a, const OodSetup& setup)
    : OodTask(setup, {}, false),
      a_(a),
      shares_(Tensor::zeros({source_.num_environments(), source_.num_environments()}, device())) {
  if (!(a > 0)) throw UsageError(message("[mixup] expected an alpha above 0, got ", a));
}

void InterDomainMixup::set_pairs(const std::vector<std::int32_t>& order, const std::vector<double>& shares) {
  const std::size_t count = order.size();
  std::vector<float> rows(count * count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    rows[i * count + std::size_t(order[i])] += float(shares[i]);
    rows[i * count + std::size_t(order[(i + 1) % count])] += float(1 - shares[i]);
  }
  stage_values(shares_, rows);
}

void InterDomainMixup::stage_method(dim_t step) {
  Generator draws = Generator(options_.seed).split(1).split(std::uint64_t(step));
  const std::vector<std::int32_t> order = draws.permutation(shares_.dim(0));
  std::vector<double> shares;
  for (std::size_t i = 0; i < order.size(); ++i) shares.push_back(beta_draw(draws, a_, a_));
  set_pairs(order, shares);
}

void InterDomainMixup::update(const EnvironmentBatch& batch) {
  const StackedEnvironments environments(batch, source_.num_classes());
  std::vector<Tensor> losses;
  for (dim_t pair = 0; pair < shares_.dim(0); ++pair) {
    const auto mixed = environments.mixed(shares_, pair);
    losses.push_back(softmax_cross_entropy_soft(logits_of(mixed.images), mixed.targets));
  }
  record(descend(mean_of(losses)), {}, {}, batch);
}

namespace {

struct MixupSettings {
  double alpha = 0.2;
};
Settings mixup_settings(MixupSettings& s) {
  return {{"alpha", &s.alpha, "both parameters of the beta distribution of the shares"}};
}

}  // namespace

void add_mixup(OodRegistry& registry) {
  registry.add<MixupSettings>(
      "mixup", "images and labels mixed between environments", {.environments = true}, {}, mixup_settings,
      [](const MixupSettings& s, const OodSetup& setup) { return std::make_unique<InterDomainMixup>(s.alpha, setup); });
}

}  // namespace engram
