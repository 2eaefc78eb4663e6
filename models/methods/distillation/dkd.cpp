/// Decoupled knowledge distillation (Zhao et al. 2022).

#include "models/methods/distillation/decoupled.h"
#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/loss_registry.h"

namespace engram {
namespace {

struct DkdConfig {
  TermOptions term{.warmup = 20};
  double alpha = 1;
  double beta = 8;
  double tau = 4;
  bool standardise = false;
};

Settings dkd_settings(DkdConfig& c) {
  Settings settings = term_settings(c.term, "mdistiller; alpha and beta are in the term");
  settings.push_back({"alpha", &c.alpha, "factor of the label against the rest"});
  settings.push_back(
      {"beta", &c.beta,
       "factor of the other classes; mdistiller: 2 for resnet56-20 and 110-32, 6 for wrn-40-2 and vgg13, "
       "8 for resnet32x4"});
  settings.push_back({"tau", &c.tau, "temperature; 2 on standardised logits"});
  settings.push_back({"standardise", &c.standardise, "standardise logits first; weight 9 then"});
  return settings;
}

class DkdLoss : public DistillationLoss {
 public:
  DkdLoss(const DkdConfig& config, const LossContext&) : DistillationLoss(config.term), config_(config) {
    check_temperature("dkd", config.tau);
  }
  LossNeeds needs() const override { return {}; }
  Tensor loss(const DistillationBatch& b) override {
    const bool s = config_.standardise;
    const DecoupledTerms terms =
        decoupled_kd(s ? standardised(b.student.logits) : b.student.logits,
                     s ? standardised(b.teacher.logits) : b.teacher.logits, b.labels, config_.tau);
    return float(config_.alpha) * terms.target + float(config_.beta) * terms.others;
  }

 private:
  DkdConfig config_;
};

}  // namespace

void add_dkd(DistillationRegistry& registry) {
  registry.add<DkdConfig>(
      "dkd", "the label against the rest, and the other classes, apart", {}, dkd_settings,
      [](const DkdConfig& config, const LossContext& context) { return std::make_unique<DkdLoss>(config, context); });
}

}  // namespace engram
