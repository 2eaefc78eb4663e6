/// IE-AT: inheritance and exploration on attention maps. The paper names it; no code of it was released, and this is
/// our reading (docs/methods/distillation.md, "IE-KD").

#include "models/methods/distillation/attention_distance.h"
#include "models/methods/distillation/ie_options.h"
#include "models/methods/distillation/loss_registry.h"

namespace engram {
namespace {

struct IeAtConfig {
  IeOptions ie{.inherit = 1000, .explore = 1000};
};

Settings ie_at_settings(IeAtConfig& c) {
  return ie_settings(c.ie, "1000, as at");
}

class IeAtLoss : public DistillationLoss {
 public:
  IeAtLoss(const IeAtConfig& config, const LossContext& context)
      : DistillationLoss(config.ie.term), options_(config.ie), pairs_(stage_pairs("ie-at", context)) {
    for (std::size_t i = 0; i < pairs_.count; ++i)
      halves_.emplace_back("ie-at", context.student.taps[pairs_.student_first + i].dim(1), options_.halves,
                           options_.inherit != 0, options_.explore != 0, context.seed + i, context.device);
  }
  LossNeeds needs() const override { return {.student = {.sums = true}, .teacher = {.logits = false, .sums = true}}; }
  std::vector<std::string> part_names() const override { return {"inherit", "explore"}; }
  Tensor loss(const DistillationBatch& b) override {
    Tensor inherited, explored;
    for (std::size_t i = 0; i < pairs_.count; ++i) {
      const auto [first, second] = halves_[i](b.student.sums[pairs_.student_first + i]);
      const Tensor& teacher = b.teacher.sums[pairs_.teacher_first + i];
      if (first.defined()) add_to(inherited, attention_distance(first, teacher));
      if (second.defined()) add_to(explored, neg(attention_distance(second, teacher)));
    }
    return ie_total(options_, inherited, explored, b.student.sums[0].device(), parts_);
  }
  void visit_state(const std::string& name, StateVisitor& visitor) override {
    DistillationLoss::visit_state(name, visitor);
    for (std::size_t i = 0; i < halves_.size(); ++i) halves_[i].visit_state(message(name, ".split.", i), visitor);
  }

 private:
  static void add_to(Tensor& total, const Tensor& term) { total = total.defined() ? total + term : term; }

  IeOptions options_;
  StagePairs pairs_;
  std::vector<ChannelHalves> halves_;
};

}  // namespace

void add_ie_at(DistillationRegistry& registry) {
  registry.add<IeAtConfig>(
      "ie-at", "inheritance and exploration on attention maps", {}, ie_at_settings,
      [](const IeAtConfig& config, const LossContext& context) { return std::make_unique<IeAtLoss>(config, context); });
}

}  // namespace engram
