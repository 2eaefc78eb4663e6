/// Similarity-preserving distillation (Tung and Mori 2019).

#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/relations.h"

namespace engram {
namespace {

struct SpConfig {
  TermOptions term{.weight = 3000};
};

Settings sp_settings(SpConfig& c) {
  return term_settings(c.term, "RepDistiller");
}

class SpLoss : public DistillationLoss {
 public:
  SpLoss(const SpConfig& config, const LossContext& context) : DistillationLoss(config.term) {
    stage_pairs("sp", context);
  }
  LossNeeds needs() const override { return {.student = {.taps = true}, .teacher = {.logits = false, .taps = true}}; }
  Tensor loss(const DistillationBatch& b) override {
    return similarity_distance(b.student.taps.back(), b.teacher.taps.back());
  }
};

}  // namespace

void add_sp(DistillationRegistry& registry) {
  registry.add<SpConfig>(
      "sp", "similarities of the samples in the last stage", {}, sp_settings,
      [](const SpConfig& config, const LossContext& context) { return std::make_unique<SpLoss>(config, context); });
}

}  // namespace engram
