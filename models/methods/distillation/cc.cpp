/// Correlation congruence (Peng et al. 2019), in RepDistiller's form.

#include "models/methods/distillation/linear_embed.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/relations.h"

namespace engram {
namespace {

struct CcConfig {
  TermOptions term{.weight = 0.02};
  dim_t width = 128;
};

Settings cc_settings(CcConfig& c) {
  Settings settings = term_settings(c.term, "RepDistiller");
  settings.push_back({"width", &c.width, "values of the embeddings"});
  return settings;
}

class CcLoss : public DistillationLoss {
 public:
  CcLoss(const CcConfig& config, const LossContext& context)
      : DistillationLoss(config.term),
        student_(context.student.pooled.dim(1), config.width, context.device),
        teacher_(context.teacher.pooled.dim(1), config.width, context.device) {
    register_child("embed_s", student_);
    register_child("embed_t", teacher_);
  }
  LossNeeds needs() const override {
    return {.student = {.pooled = true}, .teacher = {.logits = false, .pooled = true}};
  }
  Tensor loss(const DistillationBatch& b) override {
    return neighbour_correlation(student_.forward(b.student.pooled), teacher_.forward(b.teacher.pooled));
  }

 private:
  LinearEmbed student_, teacher_;
};

}  // namespace

void add_cc(DistillationRegistry& registry) {
  registry.add<CcConfig>(
      "cc", "correlation of embeddings between neighbours in the batch", {}, cc_settings,
      [](const CcConfig& config, const LossContext& context) { return std::make_unique<CcLoss>(config, context); });
}

}  // namespace engram
