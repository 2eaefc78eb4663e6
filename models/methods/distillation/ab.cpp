/// Activation boundaries (Heo et al. 2019), in RepDistiller's form.

#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/relations.h"

namespace engram {
namespace {

struct AbConfig {
  TermOptions term{};
};

Settings ab_settings(AbConfig& c) {
  return term_settings(c.term, "1 in an initial stage; it adds nothing to the main stage, as in RepDistiller");
}

/// From a student's channels to the teacher's: a convolution of 1x1 and a batch normalisation.
class AbConnector : public Module {
 public:
  AbConnector(dim_t in, dim_t out, Device device)
      : conv_({.in_channels = in, .out_channels = out, .kernel = 1, .padding = 0, .bias = true}, device),
        norm_(out, device) {
    register_child("conv", conv_);
    register_child("bn", norm_);
  }
  Tensor forward(const Tensor& x) const { return norm_.forward(conv_.forward(x)); }

 private:
  Conv2d conv_;
  BatchNorm2d norm_;
};

class AbLoss : public DistillationLoss {
 public:
  AbLoss(const AbConfig& config, const LossContext& context)
      : DistillationLoss(config.term), pairs_(stage_pairs("ab", context)), connectors_(pairs_.count) {
    for (std::size_t i = 0; i < pairs_.count; ++i) {
      const dim_t in = context.student.pre_activations[pairs_.student_first + i].value.dim(1),
                  out = context.teacher.pre_activations[pairs_.teacher_first + i].value.dim(1);
      if (in == out) continue;
      connectors_[i] = std::make_unique<AbConnector>(in, out, context.device);
      register_child(message("connectors.", i), *connectors_[i]);
    }
  }
  LossNeeds needs() const override {
    return {.student = {.pre_activations = true}, .teacher = {.logits = false, .pre_activations = true}};
  }
  InitialStage initial_stage() const override { return InitialStage::kStudent; }
  Tensor initial_loss(const DistillationBatch& b) override {
    std::vector<Tensor> student, teacher;
    for (std::size_t i = 0; i < pairs_.count; ++i) {
      const Tensor& map = b.student.pre_activations[pairs_.student_first + i].value;
      const MapPair maps = pooled_to_smaller(connectors_[i] ? connectors_[i]->forward(map) : map,
                                             b.teacher.pre_activations[pairs_.teacher_first + i].value);
      student.push_back(maps.student);
      teacher.push_back(maps.teacher);
    }
    return boundary_distance(student, teacher);
  }
  Tensor loss(const DistillationBatch&) override { return {}; }

 private:
  StagePairs pairs_;
  std::vector<std::unique_ptr<AbConnector>> connectors_;
};

}  // namespace

void add_ab(DistillationRegistry& registry) {
  registry.add<AbConfig>(
      "ab", "activation boundaries of all stages, in an initial stage", {}, ab_settings,
      [](const AbConfig& config, const LossContext& context) { return std::make_unique<AbLoss>(config, context); });
}

}  // namespace engram
