/// Hinton's knowledge distillation (Hinton et al. 2015), plain and on standardised logits (Sun et al. 2024).

#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/loss_registry.h"

namespace engram {
namespace {

struct KdConfig {
  TermOptions term{.weight = 0.9, .ce = 0.1};
  double tau = 4;
  bool standardise = false;
};

Settings kd_settings(KdConfig& c) {
  Settings settings = term_settings(c.term, "RepDistiller, 0.9 beside 0.1 cross entropy at temperature 4");
  settings.push_back({"tau", &c.tau, "temperature; IE-KD's code: 20 with weights 0.95 and 0.05"});
  settings.push_back({"standardise", &c.standardise, "standardise logits first; with it weight 9, tau 2"});
  return settings;
}

class KdLoss : public DistillationLoss {
 public:
  explicit KdLoss(const KdConfig& config) : DistillationLoss(config.term), config_(config) {
    check_temperature("kd", config.tau);
  }
  LossNeeds needs() const override { return {}; }
  Tensor loss(const DistillationBatch& b) override {
    if (!config_.standardise) return kd_term(b.student.logits, b.teacher.logits, config_.tau);
    return kd_term(standardised(b.student.logits), standardised(b.teacher.logits), config_.tau);
  }
  std::optional<SoftTargetOptions> soft_targets() const override {
    if (config_.standardise) return std::nullopt;
    return SoftTargetOptions{float(config_.tau), float(config_.tau * config_.tau)};
  }

 private:
  KdConfig config_;
};

}  // namespace

void add_kd(DistillationRegistry& registry) {
  registry.add<KdConfig>("kd", "softened class probabilities of the teacher", {}, kd_settings,
                         [](const KdConfig& config, const LossContext&) { return std::make_unique<KdLoss>(config); });
}

}  // namespace engram
