/// IE-OD: inheritance and exploration on maps before the ReLU. The paper names it; no code of it was released, and
/// this is our reading (docs/methods/distillation.md, "IE-KD").

#include "engine/ops/layout.h"
#include "engine/ops/margin_error.h"
#include "models/methods/distillation/factor_distance.h"
#include "models/methods/distillation/ie_options.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/negative_margins.h"
#include "models/methods/distillation/od.h"

namespace engram {
namespace {

struct IeOdConfig {
  IeOptions ie{.inherit = 1, .explore = 50};
  bool weigh_exploration = true;
  std::string teacher_mode = "train";
};

Settings ie_od_settings(IeOdConfig& c) {
  Settings settings = ie_settings(c.ie, "1 of od and 50 of ie-ft");
  settings.push_back({"weigh_exploration", &c.weigh_exploration, "stage weights 1/4, 1/2, 1 in the exploration too"});
  settings.push_back({"teacher_mode", &c.teacher_mode, "train: batch statistics, as od; eval: running statistics"});
  return settings;
}

class IeOdLoss : public DistillationLoss {
 public:
  IeOdLoss(const IeOdConfig& config, const LossContext& context)
      : DistillationLoss(config.ie.term),
        config_(config),
        training_(trains_teacher("ie-od", config.teacher_mode)),
        stages_("ie-od", context) {
    for (std::size_t i = 0; i < stages_.count(); ++i) {
      const ChannelHalves& halves =
          halves_.emplace_back("ie-od", stages_.student_channels(i), config.ie.halves, config.ie.inherit != 0,
                               config.ie.explore != 0, context.seed + i, context.device);
      inherit_.push_back(connector(halves.inherited(), stages_.teacher_channels(i), context.device));
      explore_.push_back(connector(halves.explored(), stages_.teacher_channels(i), context.device));
      if (inherit_[i]) register_child(message("connectors_inh.", i), *inherit_[i]);
      if (explore_[i]) register_child(message("connectors_exp.", i), *explore_[i]);
    }
  }
  LossNeeds needs() const override { return pre_activation_needs(training_); }
  std::vector<std::string> part_names() const override { return {"inherit", "explore"}; }
  Tensor loss(const DistillationBatch& b) override {
    const float samples = float(b.student.pre_activations[0].value.dim(0));
    Tensor inherited, explored;
    for (std::size_t i = 0; i < stages_.count(); ++i) {
      const MapPair maps = stages_.maps(i, b);
      const auto [first, second] = halves_[i](maps.student);
      if (inherit_[i])
        add_to(inherited, float(stages_.weight(i) / 1000 / samples) *
                              margin_error(inherit_[i]->forward(first), maps.teacher, flatten(stages_.margins(i), 0)));
      // The partial distance has no bound, so its negative would run away; that of normalised maps has.
      if (explore_[i])
        add_to(explored, float(config_.weigh_exploration ? -stages_.weight(i) : -1) *
                             factor_distance(explore_[i]->forward(second), maximum(maps.teacher, stages_.margins(i))));
    }
    return ie_total(config_.ie, inherited, explored, stages_.margins(0).device(), parts_);
  }
  void visit_state(const std::string& name, StateVisitor& visitor) override {
    DistillationLoss::visit_state(name, visitor);
    for (std::size_t i = 0; i < halves_.size(); ++i) halves_[i].visit_state(message(name, ".split.", i), visitor);
  }

 private:
  static std::unique_ptr<OdConnector> connector(dim_t in, dim_t out, Device device) {
    return in > 0 ? std::make_unique<OdConnector>(in, out, device) : nullptr;
  }
  static void add_to(Tensor& total, const Tensor& term) { total = total.defined() ? total + term : term; }

  IeOdConfig config_;
  bool training_;
  PreActivationStages stages_;
  std::vector<ChannelHalves> halves_;
  std::vector<std::unique_ptr<OdConnector>> inherit_, explore_;
};

}  // namespace

void add_ie_od(DistillationRegistry& registry) {
  registry.add<IeOdConfig>(
      "ie-od", "inheritance and exploration before the ReLU", {}, ie_od_settings,
      [](const IeOdConfig& config, const LossContext& context) { return std::make_unique<IeOdLoss>(config, context); });
}

}  // namespace engram
