/// Attention transfer (Zagoruyko and Komodakis 2017).

#include "models/methods/distillation/attention_distance.h"
#include "models/methods/distillation/loss_registry.h"

namespace engram {
namespace {

struct AtConfig {
  TermOptions term{.weight = 1000};
};

Settings at_settings(AtConfig& c) {
  return term_settings(c.term, "1000, as RepDistiller and the authors' beta with their mean over positions");
}

/// The stages' sums: for pre-activation networks the maps before any normalisation, as in the authors' code.
class AtLoss : public DistillationLoss {
 public:
  AtLoss(const AtConfig& config, const LossContext& context)
      : DistillationLoss(config.term), pairs_(stage_pairs("at", context)) {}
  LossNeeds needs() const override { return {.student = {.sums = true}, .teacher = {.logits = false, .sums = true}}; }
  Tensor loss(const DistillationBatch& b) override {
    Tensor total;
    for (std::size_t i = 0; i < pairs_.count; ++i) {
      const Tensor stage =
          attention_distance(b.student.sums[pairs_.student_first + i], b.teacher.sums[pairs_.teacher_first + i]);
      total = total.defined() ? total + stage : stage;
    }
    return total;
  }

 private:
  StagePairs pairs_;
};

}  // namespace

void add_at(DistillationRegistry& registry) {
  registry.add<AtConfig>(
      "at", "attention maps of all stages", {}, at_settings,
      [](const AtConfig& config, const LossContext& context) { return std::make_unique<AtLoss>(config, context); });
}

}  // namespace engram
