#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/ood/ood_registry.h"

namespace engram {
namespace {

struct GroupDroSettings {
  double eta = 0.01;
};
Settings group_dro_settings(GroupDroSettings& s) {
  return {{"eta", &s.eta, "how fast the weights follow the risks"}};
}

/// Group distributionally robust optimisation: environments of higher risk weigh more, q_e <- q_e exp(eta R_e),
/// normalised; the loss is sum q_e R_e with q constant.
class GroupDro : public OodTask {
 public:
  GroupDro(const GroupDroSettings& settings, const OodSetup& setup)
      : OodTask(setup, {}), eta_(settings.eta), q_(Tensor::ones({source_.num_environments()}, device())) {
    if (!(eta_ >= 0)) throw UsageError(message("[group-dro] expected an eta of at least 0, got ", eta_));
  }

 protected:
  void update(const EnvironmentBatch& batch) override {
    const std::vector<Tensor> logits = separate_logits(batch);
    const Tensor risks = stacked(risks_of(logits, batch));
    {
      const NoGradGuard no_grad;
      const Tensor grown = q_ * exp(float(eta_) * risks.detach());
      copy_into(q_, grown / sum(grown));
    }
    record(descend(sum(risks * q_)), {}, logits, batch);
  }
  void visit_method(StateVisitor& visitor) override { visitor.visit("q", q_); }

 private:
  double eta_;
  Tensor q_;
};

}  // namespace

void add_group_dro(OodRegistry& registry) {
  registry.add<GroupDroSettings>(
      "group-dro", "group distributionally robust optimisation (Sagawa et al. 2020)", {.environments = true}, {},
      group_dro_settings,
      [](const GroupDroSettings& s, const OodSetup& setup) { return std::make_unique<GroupDro>(s, setup); });
}

}  // namespace engram
