/// Neuron selectivity transfer (Huang and Wang 2017).

#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/relations.h"

namespace engram {
namespace {

struct NstConfig {
  TermOptions term{.weight = 50};
};

Settings nst_settings(NstConfig& c) {
  return term_settings(c.term, "RepDistiller");
}

class NstLoss : public DistillationLoss {
 public:
  NstLoss(const NstConfig& config, const LossContext& context)
      : DistillationLoss(config.term), pairs_(stage_pairs("nst", context)) {}
  LossNeeds needs() const override { return {.student = {.taps = true}, .teacher = {.logits = false, .taps = true}}; }
  Tensor loss(const DistillationBatch& b) override {
    Tensor total;
    for (std::size_t i = 0; i < pairs_.count; ++i) {
      const Tensor stage =
          selectivity_distance(b.student.taps[pairs_.student_first + i], b.teacher.taps[pairs_.teacher_first + i]);
      total = total.defined() ? total + stage : stage;
    }
    return total;
  }

 private:
  StagePairs pairs_;
};

}  // namespace

void add_nst(DistillationRegistry& registry) {
  registry.add<NstConfig>(
      "nst", "distributions of the channels' patterns, of all stages", {}, nst_settings,
      [](const NstConfig& config, const LossContext& context) { return std::make_unique<NstLoss>(config, context); });
}

}  // namespace engram
