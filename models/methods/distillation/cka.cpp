/// Centred kernel alignment as a loss, as the IE-KD code offers it.

#include "models/methods/metrics/cka.h"

#include "models/methods/distillation/loss_registry.h"

namespace engram {
namespace {

struct CkaConfig {
  TermOptions term{};
};

Settings cka_settings(CkaConfig& c) {
  return term_settings(c.term, "1; no published setting");
}

class CkaLoss : public DistillationLoss {
 public:
  CkaLoss(const CkaConfig& config, const LossContext&) : DistillationLoss(config.term) {}
  LossNeeds needs() const override {
    return {.student = {.pooled = true}, .teacher = {.logits = false, .pooled = true}};
  }
  Tensor loss(const DistillationBatch& b) override {
    return 1.f - alignment(gram_matrix(b.student.pooled), gram_matrix(b.teacher.pooled.detach()));
  }
};

}  // namespace

void add_cka(DistillationRegistry& registry) {
  registry.add<CkaConfig>(
      "cka", "1 - the linear alignment of the pooled features", {}, cka_settings,
      [](const CkaConfig& config, const LossContext& context) { return std::make_unique<CkaLoss>(config, context); });
}

}  // namespace engram
