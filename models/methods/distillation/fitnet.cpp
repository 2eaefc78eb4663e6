/// FitNets (Romero et al. 2015): the student's hint layer, through a regressor, is to equal the teacher's.

#include "models/methods/distillation/fitnet.h"

#include "models/methods/distillation/loss_registry.h"

namespace engram {
namespace {

struct FitNetConfig {
  TermOptions term{.weight = 100};
  int layer = 1;
  bool two_stage = false;
};

Settings fitnet_settings(FitNetConfig& c) {
  Settings settings = term_settings(c.term, "RepDistiller, one stage");
  settings.push_back({"layer", &c.layer, "tap that hints, from 0"});
  settings.push_back({"two_stage", &c.two_stage, "hints in an initial stage alone, as in the paper; combine with kd"});
  return settings;
}

class FitNetLoss : public DistillationLoss {
 public:
  FitNetLoss(const FitNetConfig& config, const LossContext& context) : DistillationLoss(config.term), config_(config) {
    const StagePairs pairs = stage_pairs("fitnet", context);
    if (config.layer < 0 || std::size_t(config.layer) >= pairs.count)
      throw UsageError(
          message("[fitnet] expected a layer below the ", pairs.count, " common stages, got ", config.layer));
    student_ = pairs.student_first + std::size_t(config.layer);
    teacher_ = pairs.teacher_first + std::size_t(config.layer);
    regressor_ = std::make_unique<HintRegressor>(context.student.taps[student_].shape(),
                                                 context.teacher.taps[teacher_].shape(), context.device);
    register_child("regress", *regressor_);
  }
  LossNeeds needs() const override { return {.student = {.taps = true}, .teacher = {.logits = false, .taps = true}}; }
  InitialStage initial_stage() const override {
    return config_.two_stage ? InitialStage::kStudent : InitialStage::kNone;
  }
  Tensor initial_loss(const DistillationBatch& b) override { return 0.5f * hint(b); }
  Tensor loss(const DistillationBatch& b) override { return config_.two_stage ? Tensor() : hint(b); }

 private:
  Tensor hint(const DistillationBatch& b) const {
    return mse(regressor_->forward(b.student.taps[student_]), b.teacher.taps[teacher_].detach());
  }

  FitNetConfig config_;
  std::size_t student_ = 0, teacher_ = 0;
  std::unique_ptr<HintRegressor> regressor_;
};

}  // namespace

HintRegressor::HintRegressor(const Shape& student, const Shape& teacher, Device device) {
  const dim_t from = student[2], to = teacher[2], in = student[1], out = teacher[1];
  if (2 * from == to) {
    up_ = std::make_unique<ConvTranspose2d>(
        ConvTranspose2dConfig{
            .in_channels = in, .out_channels = out, .kernel = 4, .stride = 2, .padding = 1, .bias = true},
        device);
    register_child("conv", *up_);
  } else if (from < to) {
    throw UsageError(
        message("[fitnet] expected a student's map of at least half the teacher's ", to, " rows, got ", from));
  } else {
    Conv2dConfig config{.in_channels = in, .out_channels = out, .bias = true};
    if (from == 2 * to) {
      config.stride = 2;
    } else {
      config.kernel = 1 + from - to;
      config.padding = 0;
    }
    conv_ = std::make_unique<Conv2d>(config, device);
    register_child("conv", *conv_);
  }
  norm_ = std::make_unique<BatchNorm2d>(out, device);
  register_child("bn", *norm_);
}

Tensor HintRegressor::forward(const Tensor& x) const {
  return norm_->forward(conv_ ? conv_->forward(x) : up_->forward(x), Activation::kRelu);
}

void add_fitnet(DistillationRegistry& registry) {
  registry.add<FitNetConfig>("fitnet", "a hint layer, through a regressor", {}, fitnet_settings,
                             [](const FitNetConfig& config, const LossContext& context) {
                               return std::make_unique<FitNetLoss>(config, context);
                             });
}

}  // namespace engram
