/// Contrastive representation distillation (Tian et al. 2020).

#include "models/methods/distillation/contrast_memory.h"
#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/linear_embed.h"
#include "models/methods/distillation/loss_registry.h"

namespace engram {
namespace {

struct CrdConfig {
  TermOptions term{.weight = 0.8};
  dim_t width = 128;
  dim_t negatives = 16384;
  double tau = 0.07;
  double momentum = 0.5;
};

Settings crd_settings(CrdConfig& c) {
  Settings settings = term_settings(c.term, "RepDistiller");
  settings.push_back({"width", &c.width, "values of the embeddings"});
  settings.push_back({"negatives", &c.negatives, "images of other classes for each sample"});
  settings.push_back({"tau", &c.tau, "temperature of the scores"});
  settings.push_back({"momentum", &c.momentum, "share of the old embedding in the memory"});
  return settings;
}

class CrdLoss : public DistillationLoss {
 public:
  CrdLoss(const CrdConfig& config, const LossContext& context)
      : DistillationLoss(config.term),
        generator_(context.seed),
        student_(context.student.pooled.dim(1), config.width, context.device),
        teacher_(context.teacher.pooled.dim(1), config.width, context.device),
        memory_(context.labels, context.num_classes, config.negatives, config.width, config.tau, config.momentum,
                context.device) {
    check_temperature("crd", config.tau);
    register_child("embed_s", student_);
    register_child("embed_t", teacher_);
    register_child("memory", memory_);
  }
  LossNeeds needs() const override {
    return {.student = {.pooled = true}, .teacher = {.logits = false, .pooled = true}, .samples = true};
  }
  Tensor loss(const DistillationBatch& b) override {
    embedded_student_ = unit(student_.forward(b.student.pooled));
    embedded_teacher_ = unit(teacher_.forward(b.teacher.pooled));
    return memory_.loss(embedded_student_, embedded_teacher_, memory_.draw(b.samples, b.labels, generator_));
  }
  void update(const DistillationBatch& b) override {
    memory_.update(embedded_student_.detach(), embedded_teacher_.detach(), b.samples);
    embedded_student_ = embedded_teacher_ = {};
  }
  void visit_state(const std::string& name, StateVisitor& visitor) override {
    DistillationLoss::visit_state(name, visitor);
    visitor.visit(name + ".negatives", generator_);
  }

 private:
  static Tensor unit(const Tensor& x) { return x / norm(x, {1}, true); }

  Generator generator_;
  LinearEmbed student_, teacher_;
  ContrastMemory memory_;
  Tensor embedded_student_, embedded_teacher_;
};

}  // namespace

void add_crd(DistillationRegistry& registry) {
  registry.add<CrdConfig>(
      "crd", "contrast of embeddings with a memory of all training images", {}, crd_settings,
      [](const CrdConfig& config, const LossContext& context) { return std::make_unique<CrdLoss>(config, context); });
}

}  // namespace engram
