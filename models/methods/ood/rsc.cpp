#include <cmath>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/rsc_mask.h"

namespace engram {
namespace {

/// Probability [N] of the label.
Tensor label_probability(const Tensor& logits, const Tensor& targets) {
  return sum(softmax(logits) * targets, {1});
}

struct RscSettings {
  double feature_share = 1.0 / 3;
  double batch_share = 1.0 / 3;
};
Settings rsc_settings(RscSettings& s) {
  return {{"feature_share", &s.feature_share, "share of a sample's features that are muted"},
          {"batch_share", &s.batch_share, "share of the samples, those that it costs most"}};
}

/// As DomainBed: masks on the pooled vector.
class Rsc : public OodTask {
 public:
  Rsc(const RscSettings& settings, const OodSetup& setup) : OodTask(setup, {}), settings_(settings) {
    for (const double share : {settings.feature_share, settings.batch_share})
      if (!(share >= 0 && share <= 1)) throw UsageError(message("[rsc] expected a share in [0,1], got ", share));
  }

 protected:
  void update(const EnvironmentBatch& batch) override {
    const LabelledBatch all = joined(batch);
    const Tensor targets = one_hot(all.labels, source_.num_classes());
    const Tensor features = features_of(all.images);
    const Tensor mask = challenge(features.detach(), targets);
    const Tensor logits = classify(features * mask);
    record(descend(softmax_cross_entropy(logits, all.labels)), {}, cut(logits, batch), batch);
  }

 private:
  Tensor challenge(Tensor features, const Tensor& targets) {
    features.set_requires_grad();
    const Tensor logits = classify(features);
    const Tensor muted = muted_features(grad({sum(logits * targets)}, {features})[0], settings_.feature_share);
    const NoGradGuard no_grad;
    const Tensor drop =
        label_probability(logits.detach(), targets) - label_probability(classify(features.detach() * muted), targets);
    const Tensor kept = challenged_samples(drop, settings_.batch_share);
    return 1.f + neg(kept * (1.f + neg(muted)));
  }

  RscSettings settings_;
};

struct RscMapSettings {
  dim_t epoch_steps = 100;
};
Settings rsc_map_settings(RscMapSettings& s) {
  return {{"epoch_steps", &s.epoch_steps, "steps of an epoch: the share of masked samples grows with epochs"}};
}

/// As the authors' code: on the last map, positions in half of the steps and channels in the others; batches are
/// doubled by mirror images.
class RscOnMaps : public OodTask {
 public:
  RscOnMaps(const RscMapSettings& settings, const OodSetup& setup)
      : OodTask(setup, {}, false), settings_(settings), channels_(Tensor::zeros({1}, device())) {
    if (network_.taps().empty())
      throw UsageError(message("[rsc-maps] expected a network with feature maps, got ", network_.arch()));
    if (settings.epoch_steps < 1)
      throw UsageError(message("[rsc-maps] expected epochs of at least 1 step, got ", settings.epoch_steps));
  }
  /// The share of masked samples is a new one from epochs 10 and 20 on.
  int phase(dim_t step) const override { return int(std::min<dim_t>(2, step / settings_.epoch_steps / 10)); }

 protected:
  void stage_method(dim_t step) override {
    fraction_ = 0.3 + 0.2 * phase(step);
    Generator draws = Generator(options_.seed).split(1).split(std::uint64_t(step));
    stage_values(channels_, std::vector<float>{float(draws.integer(0, 2))});
  }
  void update(const EnvironmentBatch& batch) override {
    const LabelledBatch all = joined(batch);
    const Tensor images = concat({all.images.contiguous(), flip(all.images.contiguous(), {3})}, 0);
    const Tensor labels = concat({all.labels, all.labels}, 0), targets = one_hot(labels, source_.num_classes());
    const Tensor map = network_.forward(images, {.logits = false, .taps = true}).taps.back();
    const Tensor logits = logits_of_map(map * challenge(map.detach(), targets));
    record(descend(softmax_cross_entropy(logits, labels)), {}, {}, batch);
  }

 private:
  Tensor logits_of_map(const Tensor& map) {
    return class_logits(network_.forward_from(map, int(network_.taps().size()), {}).logits);
  }
  Tensor challenge(Tensor map, const Tensor& targets) {
    map.set_requires_grad();
    const Tensor logits = logits_of_map(map), gradient = grad({sum(logits * targets)}, {map})[0];
    const NoGradGuard no_grad;
    const dim_t count = map.dim(0), channels = map.dim(1), positions = map.dim(2) * map.dim(3);
    const Tensor by_position = muted_above(position_scores(map, gradient), dim_t(std::ceil(double(positions) / 3)));
    const Tensor by_channel = muted_above(channel_scores(gradient), dim_t(std::ceil(double(channels) / 3.2)));
    const Tensor muted = channels_ * reshape(by_channel, {count, channels, 1, 1}) +
                         (1.f + neg(channels_)) * reshape(by_position, {count, 1, map.dim(2), map.dim(3)});
    const Tensor drop =
        label_probability(logits.detach(), targets) - label_probability(logits_of_map(map.detach() * muted), targets);
    const Tensor kept = reshape(challenged_samples_released(drop, fraction_), {count, 1, 1, 1});
    return 1.f + neg(kept * (1.f + neg(muted)));
  }

  RscMapSettings settings_;
  double fraction_ = 0.3;
  Tensor channels_;  // 1 where channels are muted
};

}  // namespace

void add_rsc(OodRegistry& registry) {
  registry.add<RscSettings>(
      "rsc", "self-challenging (Huang et al. 2020) on pooled features, as DomainBed", {.images = 1}, {}, rsc_settings,
      [](const RscSettings& s, const OodSetup& setup) { return std::make_unique<Rsc>(s, setup); });
  registry.add<RscMapSettings>(
      "rsc-maps", "self-challenging on the last map, as the authors' code", {.images = 1}, {}, rsc_map_settings,
      [](const RscMapSettings& s, const OodSetup& setup) { return std::make_unique<RscOnMaps>(s, setup); });
}

}  // namespace engram
