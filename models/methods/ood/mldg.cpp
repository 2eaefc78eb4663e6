#include "models/methods/ood/mldg.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/row_shuffle.h"
#include "models/methods/ood/stacked_environments.h"

namespace engram {
namespace {

/// Adds `factor` times the gradients, undefined ones left out.
void accumulate(std::vector<Tensor>& sums, const std::vector<Tensor>& gradients, double factor) {
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    const Tensor scaled = float(factor) * gradients[i].detach();
    sums[i] = sums[i].defined() ? sums[i] + scaled : scaled;
  }
}

}  // namespace

Mldg::Mldg(const MldgSettings& settings, const OodSetup& setup)
    : OodTask(setup, {}, false), settings_(settings), weights_(network_.parameters()) {
  const dim_t environments = source_.num_environments();
  if (settings.meta_test < 1 || settings.meta_test >= environments)
    throw UsageError(
        message("[mldg] expected 1 to ", environments - 1, " environments to test on, got ", settings.meta_test));
  if (settings.inner != "adam" && settings.inner != "sgd")
    throw UsageError(message("[mldg] expected the inner step adam or sgd, got '", settings.inner, "'"));
  if (settings.second_order && settings.inner != "sgd")
    throw UsageError("[mldg] expected the inner step sgd for second_order, got adam");
  if (!(settings.beta >= 0)) throw UsageError(message("[mldg] expected a beta of at least 0, got ", settings.beta));
  for (const Tensor& weight : weights_) before_.push_back(weight.clone());
  picks_ = Tensor::zeros({environments, environments}, device());
}

void Mldg::set_order(const std::vector<std::int32_t>& order) {
  stage_values(picks_, shuffle_matrix(order));
}

void Mldg::stage_method(dim_t step) {
  set_order(Generator(options_.seed).split(1).split(std::uint64_t(step)).permutation(picks_.dim(0)));
}

std::vector<Tensor> Mldg::risk_gradients(const Tensor& images, const Tensor& targets, Tensor& risk, bool create_graph) {
  risk = softmax_cross_entropy_soft(logits_of(images), targets);
  if (options_.observer && !create_graph) options_.observer->on_loss(risk);
  return grad({risk}, weights_, {.create_graph = create_graph, .allow_unused = true});
}

// The first step of Adam is the rate times g / (|g| + eps): its averages, corrected for their start, are g and g^2.
void Mldg::inner_step(const std::vector<Tensor>& gradients) {
  const NoGradGuard no_grad;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (!gradients[i].defined()) continue;
    Tensor g = gradients[i].detach().contiguous();
    if (options_.optimizer.weight_decay > 0) g = g + options_.optimizer.weight_decay * weights_[i].detach();
    if (settings_.inner == "adam") g = g / (options_.optimizer.eps + abs(g));
    copy_into(weights_[i], weights_[i].detach() - rate_.tensor() * g);
  }
}

void Mldg::update(const EnvironmentBatch& batch) {
  const StackedEnvironments environments(batch, source_.num_classes());
  const dim_t count = source_.num_environments(), trained = count - settings_.meta_test;
  std::vector<Tensor> sums(weights_.size()), losses;
  for (std::size_t i = 0; i < weights_.size(); ++i) copy_into(before_[i], weights_[i].detach());
  for (dim_t pair = 0; pair < trained; ++pair) {
    const auto train = environments.mixed(picks_, pair);
    const auto test = environments.mixed(picks_, trained + pair % settings_.meta_test);
    Tensor train_risk, test_risk;
    const std::vector<Tensor> g_train = risk_gradients(train.images, train.targets, train_risk, false);
    inner_step(g_train);
    const std::vector<Tensor> g_test = risk_gradients(test.images, test.targets, test_risk, false);
    for (std::size_t i = 0; i < weights_.size(); ++i) copy_into(weights_[i], before_[i]);
    accumulate(sums, g_train, 1 / double(count));
    accumulate(sums, g_test, settings_.beta / double(count));
    if (settings_.second_order) accumulate(sums, through_inner_step(train, g_test), settings_.beta / double(count));
    losses.push_back(train_risk.detach() + float(settings_.beta) * test_risk.detach());
  }
  step_along(sums, parameters_, *optimizer_, rate_.tensor());
  record((1 / float(count)) * sum_of(losses), {}, {}, batch);
}

// L_j at w - rate (G_i(w) + decay w) has the gradient G_j - rate (H_i G_j + decay G_j), and H_i v is the gradient of
// G_i.v.
std::vector<Tensor> Mldg::through_inner_step(const StackedEnvironments::Mixed& train, const std::vector<Tensor>& v) {
  Tensor risk;
  const std::vector<Tensor> gradients = risk_gradients(train.images, train.targets, risk, true);
  std::vector<Tensor> products;
  for (std::size_t i = 0; i < v.size(); ++i)
    if (v[i].defined() && gradients[i].defined()) products.push_back(sum(gradients[i] * v[i].detach()));
  const std::vector<Tensor> curved = grad({sum_of(products)}, weights_, {.allow_unused = true});
  std::vector<Tensor> result(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (!v[i].defined()) continue;
    const Tensor decayed = options_.optimizer.weight_decay * v[i].detach();
    result[i] = neg(rate_.tensor() * (curved[i].defined() ? curved[i] + decayed : decayed));
  }
  return result;
}

namespace {

Settings mldg_settings(MldgSettings& s) {
  return {{"beta", &s.beta, "weight of the loss after the inner step"},
          {"meta_test", &s.meta_test, "environments that it is taken on"},
          {"inner", &s.inner, "the inner step: adam, always in its first, or sgd"},
          {"second_order", &s.second_order, "differentiate through the inner step"}};
}

}  // namespace

void add_mldg(OodRegistry& registry) {
  registry.add<MldgSettings>(
      "mldg", "meta-learning (Li et al. 2018): steps on some environments that help on others",
      {.environments = true, .second_order = true}, {}, mldg_settings,
      [](const MldgSettings& s, const OodSetup& setup) { return std::make_unique<Mldg>(s, setup); });
}

}  // namespace engram
