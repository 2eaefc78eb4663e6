#include "engine/ops.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/penalised_task.h"

namespace engram {
namespace {

struct VrexSettings {
  double lambda = 10;
  dim_t anneal = 500;
  std::string spread = "variance";
  bool divide = false;
  bool reset = true;
};
Settings vrex_settings(VrexSettings& s) {
  return {
      {"lambda", &s.lambda, "weight of the penalty from step `anneal` on; it is 1 before"},
      {"anneal", &s.anneal, "the step at which the weight jumps"},
      {"spread", &s.spread,
       "variance of the risks beside their mean; of two environments squared or absolute difference beside the sum"},
      {"divide", &s.divide, "divide the whole loss by the weight where that is above 1"},
      {"reset", &s.reset, "forget the optimiser's state at step `anneal`"}};
}

/// Risk extrapolation: the environments' risks, and how far they are apart.
class Vrex : public PenalisedTask {
 public:
  Vrex(const VrexSettings& settings, const OodSetup& setup)
      : PenalisedTask("vrex", {{1, settings.lambda, settings.anneal}, settings.divide, settings.reset}, setup),
        spread_(settings.spread) {
    const std::string& spread = settings.spread;
    if (spread != "variance" && spread != "squared" && spread != "absolute")
      throw UsageError(message("[vrex] expected the spread variance, squared or absolute, got '", spread, "'"));
    if (spread != "variance" && source_.num_environments() != 2)
      throw UsageError(
          message("[vrex] expected 2 environments for the ", spread, " difference, got ", source_.num_environments()));
  }

 protected:
  void update(const EnvironmentBatch& batch) override {
    const std::vector<Tensor> logits = environment_logits(batch), risks = risks_of(logits, batch);
    descend_penalised(spread_ == "variance" ? mean_of(risks) : sum_of(risks), spread_of(risks), logits, batch);
  }

 private:
  Tensor spread_of(const std::vector<Tensor>& risks) const {
    if (spread_ == "variance") return var(stacked(risks));
    const Tensor difference = risks[0] - risks[1];
    return spread_ == "squared" ? square(difference) : abs(difference);
  }

  std::string spread_;
};

std::unique_ptr<OodTask> make_vrex(const VrexSettings& settings, const OodSetup& setup) {
  return std::make_unique<Vrex>(settings, setup);
}

}  // namespace

void add_vrex(OodRegistry& registry) {
  registry.add<VrexSettings>("vrex", "risk extrapolation (Krueger et al. 2021): risks of little variance",
                             {.environments = true}, {}, vrex_settings, make_vrex);
  VrexSettings absolute;
  absolute.spread = "absolute";
  registry.add<VrexSettings>("mm-rex", "the same by the difference of the risks of two environments",
                             {.environments = true}, absolute, vrex_settings, make_vrex);
}

}  // namespace engram
