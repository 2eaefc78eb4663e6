#include "engine/ops.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/risk_quantile.h"

namespace engram {
namespace {

struct EqrmSettings {
  double quantile = 0.75;
  dim_t burnin = 2500;
  double lr = 1e-6;
  std::string gradient = "implicit";
};
Settings eqrm_settings(EqrmSettings& s) {
  return {{"quantile", &s.quantile, "of the risks; a negative value v stands for 1 - exp(v)"},
          {"burnin", &s.burnin, "steps on the mean risk before"},
          {"lr", &s.lr, "learning rate from then on, with a fresh optimiser"},
          {"gradient", &s.gradient, "implicit, or released: through the ends of the bisection"}};
}

/// Empirical quantile risk minimisation.
class Eqrm : public OodTask {
 public:
  Eqrm(const EqrmSettings& settings, const OodSetup& setup)
      : OodTask(setup, {}), settings_(settings), late_rate_({.base_lr = settings.lr}, device()) {
    if (settings.gradient != "implicit" && settings.gradient != "released")
      throw UsageError(message("[eqrm] expected the gradient implicit or released, got '", settings.gradient, "'"));
    if (settings.burnin < 0)
      throw UsageError(message("[eqrm] expected a burn-in of at least 0 steps, got ", settings.burnin));
    if (!(settings.quantile < 1) || settings.quantile == 0)
      throw UsageError(
          message("[eqrm] expected a quantile in (0,1), or a negative logarithm, got ", settings.quantile));
  }
  int phase(dim_t step) const override { return step >= settings_.burnin ? 1 : 0; }

 protected:
  void stage_method(dim_t step) override {
    late_ = phase(step) == 1;
    late_rate_.stage(step);
    if (step == settings_.burnin) reset_optimizer();
  }
  void update(const EnvironmentBatch& batch) override {
    const std::vector<Tensor> logits = separate_logits(batch), risks = risks_of(logits, batch);
    if (!late_) {
      record(descend(mean_of(risks)), {}, logits, batch);
      return;
    }
    const auto gradient = settings_.gradient == "implicit" ? QuantileGradient::kImplicit : QuantileGradient::kReleased;
    const Tensor loss = risk_quantile(stacked(risks), settings_.quantile, gradient);
    descend(loss, parameters_, *optimizer_, late_rate_.tensor());
    record(loss, {}, logits, batch);
  }

 private:
  EqrmSettings settings_;
  StagedRate late_rate_;
  bool late_ = false;
};

}  // namespace

void add_eqrm(OodRegistry& registry) {
  registry.add<EqrmSettings>(
      "eqrm", "a high quantile of the risks instead of their mean (Eastwood et al. 2022)", {.environments = true}, {},
      eqrm_settings, [](const EqrmSettings& s, const OodSetup& setup) { return std::make_unique<Eqrm>(s, setup); });
}

}  // namespace engram
