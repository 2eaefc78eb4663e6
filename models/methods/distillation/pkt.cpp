/// Probabilistic knowledge transfer (Passalis and Tefas 2018).

#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/relations.h"

namespace engram {
namespace {

struct PktConfig {
  TermOptions term{.weight = 30000};
};

Settings pkt_settings(PktConfig& c) {
  return term_settings(c.term, "RepDistiller");
}

class PktLoss : public DistillationLoss {
 public:
  PktLoss(const PktConfig& config, const LossContext&) : DistillationLoss(config.term) {}
  LossNeeds needs() const override {
    return {.student = {.pooled = true}, .teacher = {.logits = false, .pooled = true}};
  }
  Tensor loss(const DistillationBatch& b) override { return probability_distance(b.student.pooled, b.teacher.pooled); }
};

}  // namespace

void add_pkt(DistillationRegistry& registry) {
  registry.add<PktConfig>(
      "pkt", "neighbourhoods of pooled features, as probabilities", {}, pkt_settings,
      [](const PktConfig& config, const LossContext& context) { return std::make_unique<PktLoss>(config, context); });
}

}  // namespace engram
