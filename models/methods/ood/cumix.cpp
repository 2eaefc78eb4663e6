#include <algorithm>

#include "engine/ops.h"
#include "models/methods/ood/beta_draw.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/penalty_schedule.h"
#include "models/methods/ood/row_shuffle.h"

namespace engram {
namespace {

struct CumixSettings {
  double image_weight = 0.1;
  double feature_weight = 3;
  double beta = 0.6;
  dim_t ramp = 10;
  dim_t epoch_steps = 100;
};
Settings cumix_settings(CumixSettings& s) {
  return {{"image_weight", &s.image_weight, "weight of the loss on mixed images"},
          {"feature_weight", &s.feature_weight, "weight of the loss on mixed features"},
          {"beta", &s.beta, "parameter of the shares' distribution at the end of the curriculum"},
          {"ramp", &s.ramp, "epochs in which it is reached; then, in as many, mixing goes across environments"},
          {"epoch_steps", &s.epoch_steps, "steps of an epoch"}};
}

/// Curriculum mixup: labels of images, of mixed images and of mixed features. Shares come from Beta(b, b), one a
/// sample, with b growing by epochs; whom a sample is mixed with is of its own environment at first, later of another.
class Cumix : public OodTask {
 public:
  Cumix(const CumixSettings& settings, const OodSetup& setup)
      : OodTask(setup, {"risk", "mixed_images", "mixed_features"}), settings_(settings) {
    check_penalty("cumix", settings.image_weight, 0);
    check_penalty("cumix", settings.feature_weight, 0);
    if (!(settings.beta > 0)) throw UsageError(message("[cumix] expected a beta above 0, got ", settings.beta));
    for (const dim_t value : {settings.ramp, settings.epoch_steps})
      if (value < 1) throw UsageError(message("[cumix] expected a ramp and epochs of at least 1, got ", value));
    const dim_t images = images_per_step();
    for (Tensor* mix : {&image_mix_, &feature_mix_}) *mix = shuffle_room("cumix", images, device());
  }

 protected:
  void stage_method(dim_t step) override {
    Generator draws = Generator(options_.seed).split(1).split(std::uint64_t(step));
    const double epoch = double(step / settings_.epoch_steps), ramp = double(settings_.ramp);
    const double beta = std::min(settings_.beta, std::max(settings_.beta * epoch / ramp, 0.1));
    const double within = std::clamp((2 * ramp - epoch) / ramp, 0.0, 1.0);
    stage_values(image_mix_, mixing_matrix(draws, beta, within));
    stage_values(feature_mix_, mixing_matrix(draws, beta, within));
  }
  void update(const EnvironmentBatch& batch) override {
    const LabelledBatch all = joined(batch);
    const Tensor targets = one_hot(all.labels, source_.num_classes());
    const Tensor features = features_of(all.images), logits = classify(features);
    const Tensor risk = softmax_cross_entropy(logits, all.labels);
    const Tensor by_features =
        softmax_cross_entropy_soft(classify(matmul(feature_mix_, features)), matmul(feature_mix_, targets));
    const dim_t count = all.images.dim(0);
    const Tensor flat = reshape(all.images.contiguous(), {count, all.images.numel() / count});
    const Tensor mixed = reshape(matmul(image_mix_, flat), all.images.shape());
    const Tensor by_images = softmax_cross_entropy_soft(logits_of(mixed), matmul(image_mix_, targets));
    const Tensor loss =
        descend(risk + float(settings_.feature_weight) * by_features + float(settings_.image_weight) * by_images);
    record(loss, {risk, by_images, by_features}, cut(logits, batch), batch);
  }

 private:
  /// A row a sample: its own share, and the rest for whom it is mixed with.
  std::vector<float> mixing_matrix(Generator& draws, double beta, double within) const {
    const std::vector<dim_t>& sizes = batch_sizes();
    const std::int32_t environments = std::int32_t(sizes.size());
    std::vector<dim_t> begins = {0};
    for (const dim_t size : sizes) begins.push_back(begins.back() + size);
    // A cyclic order: the environment that each is mixed with is never itself where there are two.
    const std::vector<std::int32_t> order = draws.permutation(environments);
    const dim_t count = begins.back();
    std::vector<float> matrix(std::size_t(count * count), 0);
    for (std::int32_t i = 0; i < environments; ++i) {
      const dim_t own = order[std::size_t(i)], next = order[std::size_t((i + 1) % environments)];
      for (dim_t row = begins[std::size_t(own)]; row < begins[std::size_t(own + 1)]; ++row) {
        const dim_t from = double(draws.number()) < within ? own : next;
        const dim_t other = begins[std::size_t(from)] + draws.integer(0, std::int32_t(sizes[std::size_t(from)]));
        const double share = beta_draw(draws, beta, beta);
        matrix[std::size_t(row * count + row)] += float(share);
        matrix[std::size_t(row * count + other)] += float(1 - share);
      }
    }
    return matrix;
  }

  CumixSettings settings_;
  Tensor image_mix_, feature_mix_;
};

}  // namespace

void add_cumix(OodRegistry& registry) {
  registry.add<CumixSettings>(
      "cumix", "images and features mixed, ever more and across environments (Mancini et al. 2020)", {}, {},
      cumix_settings, [](const CumixSettings& s, const OodSetup& setup) { return std::make_unique<Cumix>(s, setup); });
}

}  // namespace engram
