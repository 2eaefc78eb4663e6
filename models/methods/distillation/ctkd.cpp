/// Curriculum temperature (Li et al. 2023) with one temperature for all samples: it is trained against the student.

#include <cmath>
#include <numbers>

#include "models/methods/distillation/close_kl.h"
#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/training/staged.h"

namespace engram {
namespace {

struct CtkdConfig {
  TermOptions term{.weight = 0.9, .ce = 0.1};
  double start = 1;
  double range = 20;
  int rise = 10;
  bool standardise = false;
};

Settings ctkd_settings(CtkdConfig& c) {
  Settings settings = term_settings(c.term, "the authors', 0.9 beside 0.1 cross entropy");
  settings.push_back({"start", &c.start, "least temperature"});
  settings.push_back({"range", &c.range, "span of the temperatures above it"});
  settings.push_back({"rise", &c.rise, "epochs over which the gradient of the temperature turns round"});
  settings.push_back({"standardise", &c.standardise, "standardise logits first; weight 9 then"});
  return settings;
}

class CtkdLoss : public DistillationLoss {
 public:
  CtkdLoss(const CtkdConfig& config, const LossContext& context)
      : DistillationLoss(config.term), config_(config), reversal_(Tensor::zeros({}, context.device)) {
    if (!(config.start > 0) || !(config.range >= 0) || config.rise < 1)
      throw UsageError(message("[ctkd] expected a start above 0, a range of at least 0 and a rise of at least 1, got ",
                               config.start, ", ", config.range, " and ", config.rise));
    theta_ = register_parameter("theta", {1}, Init::constant(1), context.device);
  }
  LossNeeds needs() const override { return {}; }
  void stage(dim_t epoch) override {
    const double part = std::min(double(epoch + 1) / double(config_.rise), 1.0);
    stage_values(reversal_, std::vector<float>{float((std::cos(std::numbers::pi * part) + 1) / 2 - 1)});
  }
  Tensor loss(const DistillationBatch& b) override {
    const Tensor s = config_.standardise ? standardised(b.student.logits) : b.student.logits,
                 t = config_.standardise ? standardised(b.teacher.logits) : b.teacher.logits;
    // The value of theta, and its gradient times the factor, which turns negative: ascent.
    const Tensor theta = theta_.detach() + reversal_ * (theta_ - theta_.detach());
    const Tensor tau = float(config_.range) * sigmoid(theta) + float(config_.start);
    return sum(square(tau)) * close_kl(s / tau, t / tau);
  }

 private:
  CtkdConfig config_;
  Tensor theta_, reversal_;
};

}  // namespace

void add_ctkd(DistillationRegistry& registry) {
  registry.add<CtkdConfig>(
      "ctkd", "kd at a temperature that is trained against the student", {}, ctkd_settings,
      [](const CtkdConfig& config, const LossContext& context) { return std::make_unique<CtkdLoss>(config, context); });
}

}  // namespace engram
