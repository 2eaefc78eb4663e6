/// Teacher-free distillation (Yuan et al. 2020): by the same architecture, by a teacher made of the label, and label
/// smoothing.

#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/label_targets.h"
#include "models/methods/distillation/loss_registry.h"

namespace engram {
namespace {

struct TfKdConfig {
  TermOptions term = {};
  double tau = 20;
};

Settings self_settings(TfKdConfig& c) {
  Settings settings = term_settings(
      c.term, "alpha times the authors' multiplier, 0.95 for MobileNetV2; ResNet-18: 47.5 with ce 0.05, tau 6");
  settings.push_back({"tau", &c.tau, "temperature"});
  return settings;
}

Settings reg_settings(TfKdConfig& c) {
  Settings settings = term_settings(
      c.term, "alpha times the authors' multiplier, 0.95 for MobileNetV2; ResNet-18: 10 with ce 0.9, tau 20");
  settings.push_back({"tau", &c.tau, "temperature of the made-up teacher; MobileNetV2 40, ShuffleNetV2 10"});
  return settings;
}

class TfKdSelfLoss : public DistillationLoss {
 public:
  TfKdSelfLoss(const TfKdConfig& config, int num_classes)
      : DistillationLoss(config.term), tau_(config.tau), num_classes_(num_classes) {
    check_temperature("tf-kd-self", tau_);
  }
  LossNeeds needs() const override { return {}; }
  Tensor loss(const DistillationBatch& b) override { return mean_kd_term(b.student.logits, b.teacher.logits, tau_); }
  std::optional<SoftTargetOptions> soft_targets() const override {
    return SoftTargetOptions{float(tau_), float(tau_ * tau_ / num_classes_)};
  }

 private:
  double tau_;
  int num_classes_;
};

class TfKdRegLoss : public DistillationLoss {
 public:
  explicit TfKdRegLoss(const TfKdConfig& config) : DistillationLoss(config.term), tau_(config.tau) {
    check_temperature("tf-kd-reg", tau_);
  }
  LossNeeds needs() const override { return {.teacher_used = false}; }
  Tensor loss(const DistillationBatch& b) override { return virtual_teacher_term(b.student.logits, b.labels, tau_); }

 private:
  double tau_;
};

Settings smoothing_settings(TermOptions& o) {
  return term_settings(o, "1 in place of the cross entropy; the share is 0.1, as in the Tf-KD code");
}

class SmoothingLoss : public DistillationLoss {
 public:
  explicit SmoothingLoss(const TermOptions& options) : DistillationLoss(options) {}
  LossNeeds needs() const override { return {.teacher_used = false}; }
  Tensor loss(const DistillationBatch& b) override { return smoothed_cross_entropy(b.student.logits, b.labels); }
};

}  // namespace

void add_tf_kd(DistillationRegistry& registry) {
  registry.add<TfKdConfig>("tf-kd-self", "Tf-KD by a teacher of the student's own architecture",
                           {{.weight = 0.95, .ce = 0.05}, 20}, self_settings,
                           [](const TfKdConfig& config, const LossContext& context) {
                             return std::make_unique<TfKdSelfLoss>(config, context.num_classes);
                           });
  registry.add<TfKdConfig>(
      "tf-kd-reg", "Tf-KD by a teacher made of the label; takes no teacher", {{.weight = 0.95, .ce = 0.05}, 40},
      reg_settings, [](const TfKdConfig& config, const LossContext&) { return std::make_unique<TfKdRegLoss>(config); });
  registry.add<TermOptions>("label-smoothing", "a tenth of the target spread over the other classes; takes no teacher",
                            {.ce = 0}, smoothing_settings, [](const TermOptions& options, const LossContext&) {
                              return std::make_unique<SmoothingLoss>(options);
                            });
}

}  // namespace engram
