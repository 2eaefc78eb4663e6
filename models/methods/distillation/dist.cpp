/// DIST (Huang et al. 2022): correlations of class probabilities.

#include "models/methods/distillation/decoupled.h"
#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/loss_registry.h"

namespace engram {
namespace {

struct DistConfig {
  TermOptions term{.weight = 2};
  double beta = 1;
  double gamma = 1;
  double tau = 4;
};

Settings dist_settings(DistConfig& c) {
  Settings settings = term_settings(c.term, "the authors' CIFAR configuration");
  settings.push_back({"beta", &c.beta, "factor of the correlations over the classes of a sample"});
  settings.push_back({"gamma", &c.gamma, "factor of the correlations over the samples of a class"});
  settings.push_back({"tau", &c.tau, "temperature: 4 for CIFAR, 1 for ImageNet"});
  return settings;
}

class DistLoss : public DistillationLoss {
 public:
  DistLoss(const DistConfig& config, const LossContext&) : DistillationLoss(config.term), config_(config) {
    check_temperature("dist", config.tau);
  }
  LossNeeds needs() const override { return {}; }
  Tensor loss(const DistillationBatch& b) override {
    const CorrelationTerms terms = correlation_kd(b.student.logits, b.teacher.logits, config_.tau);
    return float(config_.beta) * terms.samples + float(config_.gamma) * terms.classes;
  }

 private:
  DistConfig config_;
};

}  // namespace

void add_dist(DistillationRegistry& registry) {
  registry.add<DistConfig>(
      "dist", "correlations of class probabilities, by sample and by class", {}, dist_settings,
      [](const DistConfig& config, const LossContext& context) { return std::make_unique<DistLoss>(config, context); });
}

}  // namespace engram
