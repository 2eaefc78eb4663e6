/// Multi-level logit distillation (Jin et al. 2023) over two views of each image, as released: masks scale the terms,
/// and the strong view's sum takes the weak logits at two temperatures.

#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/mlkd_terms.h"

namespace engram {
namespace {

struct MlkdConfig {
  TermOptions term{.weight = 1, .ce = 0.1};
  double kd = 0.9;
  double tau = 4;
  std::string form = "released";
  bool standardise = false;
};

Settings mlkd_settings(MlkdConfig& c) {
  Settings settings = term_settings(c.term, "1; the authors' weights are in the term");
  settings.push_back({"kd", &c.kd, "factor of the distillation; 9 on standardised logits"});
  settings.push_back({"tau", &c.tau, "first of the temperatures tau, 3, 5, 2, 6; 2 on standardised logits"});
  settings.push_back({"form", &c.form,
                      "released: the share of unsure samples scales the term; masked: unsure samples alone count, and "
                      "the strong view's logits at every temperature"});
  settings.push_back({"standardise", &c.standardise, "standardise logits first, but for the relations"});
  return settings;
}

class MlkdLoss : public DistillationLoss {
 public:
  explicit MlkdLoss(const MlkdConfig& config) : DistillationLoss(config.term), config_(config) {
    check_temperature("mlkd", config.tau);
    if (config.form != "released" && config.form != "masked")
      throw UsageError(message("[mlkd] expected the form released or masked, got ", config.form));
  }
  LossNeeds needs() const override { return {.strong_view = true}; }
  std::vector<std::string> part_names() const override { return {"kd", "classes", "samples"}; }

  Tensor loss(const DistillationBatch& b) override {
    const Tensor weak_s = fitted(b.student.logits), weak_t = fitted(b.teacher.logits),
                 strong_s = fitted(b.strong_student), strong_t = fitted(b.strong_teacher);
    const Tensor unsure = unsure_samples(b.teacher.logits);
    const Tensor sample_share = mean(unsure), class_share = mean(unsure_classes(b.teacher.logits));
    const bool released = config_.form == "released";
    Tensor kd, classes, samples;
    const double temperatures[] = {config_.tau, 3, 5, 2, 6};
    for (int i = 0; i < 5; ++i) {
      const double tau = temperatures[i];
      const Tensor weak =
          released ? sample_share * kd_term(weak_s, weak_t, tau) : masked_kd_term(weak_s, weak_t, unsure, tau);
      const Tensor strong = released && i >= 3 ? kd_term(weak_s, weak_t, tau) : kd_term(strong_s, strong_t, tau);
      const Tensor by_class = class_share * class_relation_term(b.student.logits, b.teacher.logits, tau),
                   by_sample = sample_share * batch_relation_term(b.student.logits, b.teacher.logits, tau);
      kd = kd.defined() ? kd + weak + strong : weak + strong;
      classes = classes.defined() ? classes + by_class : by_class;
      samples = samples.defined() ? samples + by_sample : by_sample;
    }
    const float factor = float(config_.kd);
    parts_ = {(factor * kd).detach(), (factor * classes).detach(), (factor * samples).detach()};
    return float(options().ce) * softmax_cross_entropy(b.strong_student, b.labels) + factor * (kd + classes + samples);
  }

 private:
  Tensor fitted(const Tensor& logits) const { return config_.standardise ? standardised(logits) : logits; }

  MlkdConfig config_;
};

}  // namespace

void add_mlkd(DistillationRegistry& registry) {
  registry.add<MlkdConfig>(
      "mlkd", "five temperatures, relations of classes and samples, two views of each image", {}, mlkd_settings,
      [](const MlkdConfig& config, const LossContext&) { return std::make_unique<MlkdLoss>(config); });
}

}  // namespace engram
