#include "engine/ops.h"
#include "models/methods/ood/ood_registry.h"

namespace engram {
namespace {

struct ErmSettings {};
Settings erm_settings(ErmSettings&) {
  return {};
}

/// Empirical risk minimisation: the mean of the environments' cross entropies.
class Erm : public OodTask {
 public:
  explicit Erm(const OodSetup& setup) : OodTask(setup, {}) {}

 protected:
  void update(const EnvironmentBatch& batch) override {
    const std::vector<Tensor> logits = environment_logits(batch);
    record(descend(mean_of(risks_of(logits, batch))), {}, logits, batch);
  }
};

}  // namespace

void add_erm(OodRegistry& registry) {
  registry.add<ErmSettings>("erm", "empirical risk minimisation: the mean cross entropy of the environments", {}, {},
                            erm_settings,
                            [](const ErmSettings&, const OodSetup& setup) { return std::make_unique<Erm>(setup); });
}

}  // namespace engram
