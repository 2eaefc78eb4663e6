/// IE-FT: inheritance and exploration on factors of the last stage (Huang et al. 2021, the released form).

#include "engine/autograd.h"
#include "models/methods/distillation/coder.h"
#include "models/methods/distillation/factor_distance.h"
#include "models/methods/distillation/ie_options.h"
#include "models/methods/distillation/loss_registry.h"

namespace engram {
namespace {

struct IeFtConfig {
  IeOptions ie = {};
  std::string distance = "l1";
  dim_t width = 32;
  bool batch_norm = true;
};

Settings ie_ft_settings(IeFtConfig& c) {
  Settings settings = ie_settings(c.ie, "50, a reading note's best of the paper's ablation, with the mean reduction");
  settings.push_back({"distance", &c.distance, "l1, l2 or cosine"});
  settings.push_back({"width", &c.width, "channels of the factors; 32 in every released configuration"});
  settings.push_back({"batch_norm", &c.batch_norm, "coders with batch normalisation"});
  return settings;
}

class IeFtLoss : public DistillationLoss {
 public:
  IeFtLoss(const IeFtConfig& config, const LossContext& context)
      : DistillationLoss(config.ie.term),
        config_(config),
        distance_("ie-ft", config.distance),
        halves_("ie-ft", last_channels(context), config.ie.halves, config.ie.inherit != 0, config.ie.explore != 0,
                context.seed, context.device),
        ae_(context.teacher.taps.back().dim(1), config.width, context.device, config.batch_norm) {
    register_child("ae", ae_);
    if (halves_.inherited() > 0)
      inherit_ = std::make_unique<Coder>(halves_.inherited(), config.width, context.device, config.batch_norm);
    if (halves_.explored() > 0)
      explore_ = std::make_unique<Coder>(halves_.explored(), config.width, context.device, config.batch_norm);
    if (inherit_) register_child("e_inh", *inherit_);
    if (explore_) register_child("e_exp", *explore_);
  }
  LossNeeds needs() const override { return {.student = {.taps = true}, .teacher = {.logits = false, .taps = true}}; }
  std::vector<std::string> part_names() const override { return {"inherit", "explore"}; }

  InitialStage initial_stage() const override { return InitialStage::kOwn; }
  std::vector<NamedTensor> initial_parameters() const override { return parameters_of(true); }
  std::vector<NamedTensor> main_parameters() const override { return parameters_of(false); }
  Tensor initial_loss(const DistillationBatch& b) override {
    ae_.train();
    return reconstruction_distance(ae_.reconstruct(b.teacher.taps.back()), b.teacher.taps.back());
  }

  Tensor loss(const DistillationBatch& b) override {
    const Tensor target = [&] {
      const NoGradGuard no_grad;
      ae_.eval();
      return ae_.encode(b.teacher.taps.back());
    }();
    const auto [inherited, explored] = halves_(b.student.taps.back());
    return ie_total(config_.ie, inherit_ ? inherit(inherit_->forward(inherited), target) : Tensor(),
                    explore_ ? explore(explore_->forward(explored), target) : Tensor(), target.device(), parts_);
  }

  void visit_state(const std::string& name, StateVisitor& visitor) override {
    DistillationLoss::visit_state(name, visitor);
    halves_.visit_state(name + ".split", visitor);
  }

 private:
  static dim_t last_channels(const LossContext& context) {
    stage_pairs("ie-ft", context);
    return context.student.taps.back().dim(1);
  }
  Tensor inherit(const Tensor& factor, const Tensor& target) const {
    const MapPair maps = pooled_to_smaller(factor, target);
    return distance_.inherit(maps.student, maps.teacher);
  }
  Tensor explore(const Tensor& factor, const Tensor& target) const {
    const MapPair maps = pooled_to_smaller(factor, target);
    return distance_.explore(maps.student, maps.teacher);
  }
  /// Of the auto-encoder, or of the student's coders.
  std::vector<NamedTensor> parameters_of(bool ae) const {
    std::vector<NamedTensor> chosen;
    for (const NamedTensor& parameter : named_parameters())
      if (parameter.name.starts_with("ae.") == ae) chosen.push_back(parameter);
    return chosen;
  }

  IeFtConfig config_;
  FactorDistance distance_;
  ChannelHalves halves_;
  AutoEncoder ae_;
  std::unique_ptr<Coder> inherit_, explore_;
};

}  // namespace

void add_ie_ft(DistillationRegistry& registry) {
  registry.add<IeFtConfig>(
      "ie-ft", "half the channels inherit the teacher's factor, half explore away from it", {}, ie_ft_settings,
      [](const IeFtConfig& config, const LossContext& context) { return std::make_unique<IeFtLoss>(config, context); });
}

}  // namespace engram
