/// Flow of solution procedure (Yim et al. 2017), in RepDistiller's form.

#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/relations.h"

namespace engram {
namespace {

struct FspConfig {
  TermOptions term{};
};

Settings fsp_settings(FspConfig& c) {
  return term_settings(c.term, "1 in an initial stage; it adds nothing to the main stage, as in RepDistiller");
}

/// Between the taps; RepDistiller begins with the stem's map, which is no tap.
class FspLoss : public DistillationLoss {
 public:
  FspLoss(const FspConfig& config, const LossContext& context)
      : DistillationLoss(config.term), pairs_(stage_pairs("fsp", context)) {
    for (std::size_t i = 0; i < pairs_.count; ++i) {
      const dim_t student = context.student.taps[pairs_.student_first + i].dim(1),
                  teacher = context.teacher.taps[pairs_.teacher_first + i].dim(1);
      if (student != teacher)
        throw UsageError(message("[fsp] expected networks of equal channels, got ", student, " in ",
                                 context.student_arch, " and ", teacher, " in ", context.teacher_arch));
    }
  }
  LossNeeds needs() const override { return {.student = {.taps = true}, .teacher = {.logits = false, .taps = true}}; }
  InitialStage initial_stage() const override { return InitialStage::kStudent; }
  Tensor initial_loss(const DistillationBatch& b) override {
    Tensor total;
    for (std::size_t i = 0; i + 1 < pairs_.count; ++i) {
      const std::size_t s = pairs_.student_first + i, t = pairs_.teacher_first + i;
      const Tensor stage =
          flow_distance(b.student.taps[s], b.student.taps[s + 1], b.teacher.taps[t], b.teacher.taps[t + 1]);
      total = total.defined() ? total + stage : stage;
    }
    return total;
  }
  Tensor loss(const DistillationBatch&) override { return {}; }

 private:
  StagePairs pairs_;
};

}  // namespace

void add_fsp(DistillationRegistry& registry) {
  registry.add<FspConfig>(
      "fsp", "products of consecutive stages, in an initial stage", {}, fsp_settings,
      [](const FspConfig& config, const LossContext& context) { return std::make_unique<FspLoss>(config, context); });
}

}  // namespace engram
