/// Overhaul of feature distillation (Heo et al. 2019).

#include "models/methods/distillation/od.h"

#include <cmath>

#include "engine/ops/layout.h"
#include "engine/ops/margin_error.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/negative_margins.h"

namespace engram {
namespace {

struct OdConfig {
  TermOptions term{};
  std::string teacher_mode = "train";
};

Settings od_settings(OdConfig& c) {
  Settings settings = term_settings(c.term, "1; the authors' 1/1000 and stage weights are in the term");
  settings.push_back({"teacher_mode", &c.teacher_mode,
                      "train: batch statistics, as the released CIFAR code; eval: running statistics"});
  return settings;
}

class OdLoss : public DistillationLoss {
 public:
  OdLoss(const OdConfig& config, const LossContext& context)
      : DistillationLoss(config.term), training_(trains_teacher("od", config.teacher_mode)), stages_("od", context) {
    for (std::size_t i = 0; i < stages_.count(); ++i) {
      connectors_.push_back(
          std::make_unique<OdConnector>(stages_.student_channels(i), stages_.teacher_channels(i), context.device));
      register_child(message("connectors.", i), *connectors_.back());
    }
  }
  LossNeeds needs() const override { return pre_activation_needs(training_); }
  Tensor loss(const DistillationBatch& b) override {
    const float samples = float(b.student.pre_activations[0].value.dim(0));
    Tensor total;
    for (std::size_t i = 0; i < stages_.count(); ++i) {
      const MapPair maps = stages_.maps(i, b);
      const Tensor distance =
          margin_error(connectors_[i]->forward(maps.student), maps.teacher, flatten(stages_.margins(i), 0));
      const Tensor stage = float(stages_.weight(i) / 1000 / samples) * distance;
      total = total.defined() ? total + stage : stage;
    }
    return total;
  }

 private:
  bool training_;
  PreActivationStages stages_;
  std::vector<std::unique_ptr<OdConnector>> connectors_;
};

}  // namespace

OdConnector::OdConnector(dim_t in, dim_t out, Device device)
    : conv_({.in_channels = in, .out_channels = out, .kernel = 1, .padding = 0}, Init::he_normal(out), Init{}, device),
      norm_(out, device) {
  register_child("0", conv_);
  register_child("1", norm_);
}

bool trains_teacher(const char* term, const std::string& mode) {
  if (mode != "train" && mode != "eval")
    throw UsageError(message("[", term, "] expected the teacher_mode train or eval, got ", mode));
  return mode == "train";
}

LossNeeds pre_activation_needs(bool training_teacher) {
  return {.student = {.pre_activations = true},
          .teacher = {.logits = false, .pre_activations = true},
          .training_teacher = training_teacher};
}

PreActivationStages::PreActivationStages(const char* term, const LossContext& context)
    : pairs_(stage_pairs(term, context)) {
  for (std::size_t i = 0; i < pairs_.count; ++i) {
    const PreActivation& teacher = context.teacher.pre_activations[pairs_.teacher_first + i];
    if (teacher.bn == nullptr || !teacher.bn->weight.defined())
      throw UsageError(message("[", term, "] expected a teacher whose stages end in one batch normalisation, got ",
                               context.teacher_arch, "; resnet, wrn, vgg and mobilenet have them"));
    margins_.push_back(negative_margins(*teacher.bn));
    student_channels_.push_back(context.student.pre_activations[pairs_.student_first + i].value.dim(1));
  }
}

double PreActivationStages::weight(std::size_t i) const {
  return std::ldexp(1.0, -int(pairs_.count - 1 - i));
}

MapPair PreActivationStages::maps(std::size_t i, const DistillationBatch& b) const {
  return pooled_to_smaller(b.student.pre_activations[pairs_.student_first + i].value,
                           b.teacher.pre_activations[pairs_.teacher_first + i].value);
}

void add_od(DistillationRegistry& registry) {
  registry.add<OdConfig>(
      "od", "maps before the ReLU, with margins, of all stages", {}, od_settings,
      [](const OdConfig& config, const LossContext& context) { return std::make_unique<OdLoss>(config, context); });
}

}  // namespace engram
