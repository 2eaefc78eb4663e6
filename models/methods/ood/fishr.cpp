#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/ood/fishr_penalty.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/penalised_task.h"
#include "models/methods/ood/softmax_residual.h"

namespace engram {
namespace {

struct FishrSettings {
  double lambda = 1000;
  dim_t anneal = 1500;
  double before = 0;
  double ema = 0.95;
  bool sum = false;
  bool divide = false;
  bool reset = true;
  std::string moment = "variance";
};
Settings fishr_settings(FishrSettings& s) {
  return {{"lambda", &s.lambda, "weight of the penalty from step `anneal` on"},
          {"anneal", &s.anneal, "the step at which the weight jumps"},
          {"before", &s.before, "weight before"},
          {"ema", &s.ema, "decay of the moving average of each environment's moments; 0 is none"},
          {"sum", &s.sum, "add up over parameters and environments instead of means"},
          {"divide", &s.divide, "divide the whole loss by the weight where that is above 1"},
          {"reset", &s.reset, "forget the optimiser's state at step `anneal`, unless that is 0"},
          {"moment", &s.moment, "variance, second or covariance of the samples' gradients"}};
}

GradientMoment moment_of(const std::string& name) {
  if (name == "variance") return GradientMoment::kVariance;
  if (name == "second") return GradientMoment::kSecondMoment;
  if (name == "covariance") return GradientMoment::kCovariance;
  throw UsageError(message("[fishr] expected the moment variance, second or covariance, got '", name, "'"));
}

/// Mean risk + weight times the distance between environments of the moments of the samples' gradients to the last
/// layer. The moving average is m <- ema m + (1 - ema) v, and m / (1 - ema) is compared.
class Fishr : public PenalisedTask {
 public:
  Fishr(const FishrSettings& settings, const OodSetup& setup)
      : PenalisedTask("fishr",
                      {{settings.before, settings.lambda, settings.anneal},
                       settings.divide,
                       settings.reset && settings.anneal > 0},
                      setup),
        settings_(settings),
        moment_(moment_of(settings.moment)) {
    if (!(settings.ema >= 0 && settings.ema < 1))
      throw UsageError(message("[fishr] expected an ema in [0,1), got ", settings.ema));
    if (settings.ema == 0) return;
    const dim_t rows = network_.num_classes(), width = feature_width();
    const dim_t entries =
        moment_ == GradientMoment::kCovariance ? rows * rows * (width * width + 1) : rows * (width + 1);
    for (dim_t e = 0; e < source_.num_environments(); ++e) averages_.push_back(Tensor::zeros({1, entries}, device()));
  }

 protected:
  void update(const EnvironmentBatch& batch) override {
    const std::vector<Tensor> features = cut(features_of(joined(batch).images), batch);
    std::vector<Tensor> logits, moments;
    for (std::size_t e = 0; e < features.size(); ++e) {
      logits.push_back(classify(features[e]));
      const Tensor r = softmax_residual(logits[e], one_hot(batch.environments[e].labels, source_.num_classes()));
      // Of a single output: the gradient to it, not to the 0 beside it.
      const Tensor own = network_.num_classes() == 1 ? slice(r, 1, 1, 2).contiguous() : r;
      moments.push_back(averaged(e, gradient_moments(own, features[e], moment_)));
    }
    descend_penalised(mean_of(risks_of(logits, batch)), moment_distance(moments, settings_.sum), logits, batch);
  }
  void visit_method(StateVisitor& visitor) override { visitor.visit("averages", averages_); }

 private:
  Tensor averaged(std::size_t e, const Tensor& moments) {
    if (averages_.empty()) return moments;
    const float ema = float(settings_.ema);
    const Tensor past = ema * averages_[e].clone();
    copy_into(averages_[e], past + (1 - ema) * moments.detach());
    return (1 / (1 - ema)) * past + moments;
  }

  FishrSettings settings_;
  GradientMoment moment_;
  std::vector<Tensor> averages_;  // one an environment, without `ema` none
};

}  // namespace

void add_fishr(OodRegistry& registry) {
  registry.add<FishrSettings>(
      "fishr", "gradients of equal variance in all environments (Rame et al. 2022)",
      {.environments = true, .images = 2}, {}, fishr_settings,
      [](const FishrSettings& s, const OodSetup& setup) { return std::make_unique<Fishr>(s, setup); });
}

}  // namespace engram
