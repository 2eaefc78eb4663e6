#include "engine/ops.h"
#include "models/methods/ood/irm_penalty.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/penalised_task.h"

namespace engram {
namespace {

struct IrmSettings {
  double lambda = 100;
  dim_t anneal = 500;
  bool halves = true;
  bool divide = false;
  bool reset = true;
};
Settings irm_settings(IrmSettings& s) {
  return {{"lambda", &s.lambda, "weight of the penalty from step `anneal` on; it is 1 before"},
          {"anneal", &s.anneal, "the step at which the weight jumps"},
          {"halves", &s.halves, "product of the gradients of two half batches instead of the square"},
          {"divide", &s.divide, "divide the whole loss by the weight where that is above 1"},
          {"reset", &s.reset, "forget the optimiser's state at step `anneal`"}};
}

/// IRMv1: mean risk + weight times the mean over environments of irm_penalty.
class Irm : public PenalisedTask {
 public:
  Irm(const IrmSettings& settings, const OodSetup& setup)
      : PenalisedTask("irm", {{1, settings.lambda, settings.anneal}, settings.divide, settings.reset}, setup),
        halves_(settings.halves) {}

 protected:
  void update(const EnvironmentBatch& batch) override {
    const std::vector<Tensor> logits = environment_logits(batch);
    std::vector<Tensor> penalties;
    for (std::size_t e = 0; e < logits.size(); ++e)
      penalties.push_back(irm_penalty(logits[e], batch.environments[e].labels, halves_));
    descend_penalised(mean_of(risks_of(logits, batch)), mean_of(penalties), logits, batch);
  }

 private:
  bool halves_;
};

}  // namespace

void add_irm(OodRegistry& registry) {
  registry.add<IrmSettings>(
      "irm", "invariant risk minimisation (Arjovsky et al. 2019): one classifier is optimal in every environment",
      {.environments = true, .images = 2}, {}, irm_settings,
      [](const IrmSettings& s, const OodSetup& setup) { return std::make_unique<Irm>(s, setup); });
}

}  // namespace engram
