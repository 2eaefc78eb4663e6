#include "engine/ops.h"
#include "models/methods/ood/ood_registry.h"
#include "models/nets/context_network.h"

namespace engram {
namespace {

struct ArmSettings {
  bool train_context = true;
};
Settings arm_settings(ArmSettings& s) {
  return {
      {"train_context", &s.train_context, "false as in DomainBed, whose optimiser never sees the context's network"}};
}

/// Adaptive risk minimisation with a contextual meta-learner: each environment's batch is a block of its own.
class Arm : public OodTask {
 public:
  Arm(const ArmSettings& settings, const OodSetup& setup) : OodTask(setup, {}) {
    const auto* network = dynamic_cast<ContextNetwork*>(&network_);
    if (!network)
      throw UsageError(message("[arm] expected a context network, got ", network_.arch(),
                               " (ood_network names the one on top of it)"));
    for (const dim_t images : batch_sizes())
      if (images != network->support())
        throw UsageError(
            message("[arm] expected ", network->support(), " images of each environment in a step, got ", images));
    if (settings.train_context) return;
    std::erase_if(parameters_, [](const NamedTensor& parameter) { return parameter.name.rfind("body.", 0) != 0; });
    reset_optimizer();
  }

 protected:
  void update(const EnvironmentBatch& batch) override {
    const std::vector<Tensor> logits = environment_logits(batch);
    record(descend(mean_of(risks_of(logits, batch))), {}, logits, batch);
  }
};

}  // namespace

void add_arm(OodRegistry& registry) {
  registry.add<ArmSettings>(
      "arm", "networks that see what the batch has in common (Zhang et al. 2021)", {.environments = true}, {},
      arm_settings, [](const ArmSettings& s, const OodSetup& setup) { return std::make_unique<Arm>(s, setup); });
}

}  // namespace engram
