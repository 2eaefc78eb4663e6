#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/ood/balancing_loss.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/penalty_schedule.h"

namespace engram {
namespace {

struct CnbbSettings {
  double balance = 0.1;
  double quantise = 0.1;
  double centre = 0.1;
  dim_t inner_steps = 5;
  double inner_rate = 0.01;
};
Settings cnbb_settings(CnbbSettings& s) {
  return {{"balance", &s.balance, "weight of the balancing loss on the features"},
          {"quantise", &s.quantise, "weight of the loss that pushes features to -1 and 1"},
          {"centre", &s.centre, "weight of the loss that centres them"},
          {"inner_steps", &s.inner_steps, "steps of the samples' weights before each of the network"},
          {"inner_rate", &s.inner_rate, "their rate"}};
}

/// Batch balancing: samples get weights under which the features tanh(pooled) are balanced against each other; the
/// network learns labels with those weights. The released code holds the losses alone: how they alternate is ours.
class Cnbb : public OodTask {
 public:
  Cnbb(const CnbbSettings& settings, const OodSetup& setup)
      : OodTask(setup, {"risk", "balancing"}), settings_(settings) {
    for (const double weight : {settings.balance, settings.quantise, settings.centre, settings.inner_rate})
      check_penalty("cnbb", weight, 0);
    if (settings.inner_steps < 0)
      throw UsageError(message("[cnbb] expected at least 0 inner steps, got ", settings.inner_steps));
  }

 protected:
  void update(const EnvironmentBatch& batch) override {
    const LabelledBatch all = joined(batch);
    const Tensor pooled = features_of(all.images), features = tanh(pooled), logits = classify(pooled);
    const Tensor weights = balanced_weights(features.detach());
    const Tensor targets = one_hot(all.labels, source_.num_classes());
    const Tensor risk = (1 / float(all.labels.numel())) * weighted_nll(logits, targets, weights);
    const Tensor balancing = balancing_loss(features, weights);
    const Tensor loss =
        descend(risk + float(settings_.balance) * balancing + float(settings_.quantise) * quantisation_loss(features) +
                float(settings_.centre) * centring_loss(features));
    record(loss, {risk, balancing}, cut(logits, batch), batch);
  }

 private:
  /// Weights of at least 0 and mean 1, after some steps from even ones.
  Tensor balanced_weights(const Tensor& features) const {
    const dim_t count = features.dim(0);
    Tensor weights = Tensor::ones({count}, features.device());
    for (dim_t i = 0; i < settings_.inner_steps; ++i) {
      weights.set_requires_grad();
      const Tensor gradient = grad({balancing_loss(features, weights)}, {weights})[0];
      const NoGradGuard no_grad;
      const Tensor moved = relu(weights.detach() - float(settings_.inner_rate) * gradient);
      weights = moved / (1e-12f + mean(moved));
    }
    return weights.detach();
  }

  CnbbSettings settings_;
};

}  // namespace

void add_cnbb(OodRegistry& registry) {
  registry.add<CnbbSettings>(
      "cnbb", "samples weighted so that features are balanced (He et al. 2021)", {.images = 2}, {}, cnbb_settings,
      [](const CnbbSettings& s, const OodSetup& setup) { return std::make_unique<Cnbb>(s, setup); });
}

}  // namespace engram
