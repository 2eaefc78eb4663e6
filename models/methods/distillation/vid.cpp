/// Variational information distillation (Ahn et al. 2019).

#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/variational_bound.h"

namespace engram {
namespace {

struct VidConfig {
  TermOptions term{};
};

Settings vid_settings(VidConfig& c) {
  return term_settings(c.term, "RepDistiller");
}

class VidLoss : public DistillationLoss {
 public:
  VidLoss(const VidConfig& config, const LossContext& context)
      : DistillationLoss(config.term), pairs_(stage_pairs("vid", context)) {
    for (std::size_t i = 0; i < pairs_.count; ++i) {
      bounds_.push_back(std::make_unique<VariationalBound>(context.student.taps[pairs_.student_first + i].dim(1),
                                                           context.teacher.taps[pairs_.teacher_first + i].dim(1),
                                                           context.device));
      register_child(message("criterion.", i), *bounds_.back());
    }
  }
  LossNeeds needs() const override { return {.student = {.taps = true}, .teacher = {.logits = false, .taps = true}}; }
  Tensor loss(const DistillationBatch& b) override {
    Tensor total;
    for (std::size_t i = 0; i < pairs_.count; ++i) {
      const Tensor stage =
          bounds_[i]->forward(b.student.taps[pairs_.student_first + i], b.teacher.taps[pairs_.teacher_first + i]);
      total = total.defined() ? total + stage : stage;
    }
    return total;
  }

 private:
  StagePairs pairs_;
  std::vector<std::unique_ptr<VariationalBound>> bounds_;
};

}  // namespace

void add_vid(DistillationRegistry& registry) {
  registry.add<VidConfig>(
      "vid", "a bound of the mutual information with every stage", {}, vid_settings,
      [](const VidConfig& config, const LossContext& context) { return std::make_unique<VidLoss>(config, context); });
}

}  // namespace engram
