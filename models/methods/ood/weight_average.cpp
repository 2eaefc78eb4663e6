#include "models/methods/ood/weight_average.h"

#include <algorithm>

#include "models/methods/ood/running_average.h"
#include "models/methods/ood/swad.h"

namespace engram {
namespace {

/// Equal weights from a first step on; before it, the tensors as they are.
class UniformAverage : public WeightAverage {
 public:
  UniformAverage(std::vector<Tensor> tensors, dim_t first_step)
      : tensors_(std::move(tensors)), average_(tensors_), first_step_(first_step) {}
  void update(dim_t step) override {
    if (step <= first_step_) average_.restart();
    average_.add(tensors_);
  }
  std::vector<Tensor> values() override { return average_.values(); }
  void visit_state(const std::string& name, StateVisitor& visitor) override { average_.visit_state(name, visitor); }

 private:
  std::vector<Tensor> tensors_;
  RunningAverage average_;
  dim_t first_step_;
};

/// Weights that fall by a factor a step; the first tensors keep what is left.
class ExponentialAverage : public WeightAverage {
 public:
  ExponentialAverage(std::vector<Tensor> tensors, dim_t first_step, double decay)
      : tensors_(std::move(tensors)), average_(tensors_), first_step_(first_step), decay_(decay) {}
  void update(dim_t step) override { average_.blend(tensors_, step <= first_step_ ? 0 : decay_); }
  std::vector<Tensor> values() override { return average_.values(); }
  void visit_state(const std::string& name, StateVisitor& visitor) override { average_.visit_state(name, visitor); }

 private:
  std::vector<Tensor> tensors_;
  RunningAverage average_;
  dim_t first_step_;
  double decay_;
};

/// The segments since the validation of best accuracy; what is kept is the average that validated best itself.
class BestAverage : public WeightAverage {
 public:
  explicit BestAverage(std::vector<Tensor> tensors)
      : tensors_(std::move(tensors)), segment_(tensors_), average_(tensors_), kept_(tensors_) {}
  void update(dim_t) override { segment_.add(tensors_); }
  void validated(dim_t, double, double accuracy) override {
    if (accuracy > best_[kOfWeights]) {
      best_[kOfWeights] = accuracy;
      average_.restart();
    }
    average_.add(segment_.values());
    segment_.restart();
    waits_[0] = 1;
  }
  bool wants_average_accuracy() const override { return waits_[0] != 0; }
  void average_validated(double accuracy) override {
    waits_[0] = 0;
    if (accuracy <= best_[kOfAverage]) return;
    best_[kOfAverage] = accuracy;
    kept_.hold(average_.values());
  }
  /// Between the two validations the candidate, then what is kept; the tensors before the first.
  std::vector<Tensor> values() override {
    if (waits_[0] != 0) return average_.values();
    return best_[kOfAverage] > 0 ? kept_.values() : tensors_;
  }
  void visit_state(const std::string& name, StateVisitor& visitor) override {
    segment_.visit_state(name + ".segment", visitor);
    average_.visit_state(name + ".average", visitor);
    kept_.visit_state(name + ".kept", visitor);
    visitor.visit(name + ".best", best_);
    visitor.visit(name + ".waits", waits_);
  }

 private:
  enum { kOfWeights, kOfAverage };

  std::vector<Tensor> tensors_;
  RunningAverage segment_, average_, kept_;
  std::vector<double> best_ = {0, 0};  // accuracies
  std::vector<std::int64_t> waits_ = {0};
};

}  // namespace

const std::vector<std::string>& weight_average_names() {
  static const std::vector<std::string> names = {"none", "uniform", "ema", "swad", "best"};
  return names;
}

void check_weight_average(const WeightAverageOptions& o) {
  const auto& names = weight_average_names();
  if (std::find(names.begin(), names.end(), o.kind) == names.end())
    throw UsageError(message("[average] expected none, uniform, ema, swad or best, got '", o.kind, "'"));
  if (o.first_step < 0) throw UsageError(message("[average] expected a first step of at least 0, got ", o.first_step));
  if (!(o.decay >= 0 && o.decay < 1)) throw UsageError(message("[average] expected a decay in [0,1), got ", o.decay));
  if (o.converge < 1) throw UsageError(message("[average] expected converge of at least 1, got ", o.converge));
  if (o.tolerance < 1) throw UsageError(message("[average] expected tolerance of at least 1, got ", o.tolerance));
  if (!(o.tolerance_ratio >= 0))
    throw UsageError(message("[average] expected a tolerance ratio of at least 0, got ", o.tolerance_ratio));
}

std::unique_ptr<WeightAverage> make_weight_average(const WeightAverageOptions& options, std::vector<Tensor> tensors) {
  check_weight_average(options);
  if (options.kind == "uniform") return std::make_unique<UniformAverage>(std::move(tensors), options.first_step);
  if (options.kind == "ema")
    return std::make_unique<ExponentialAverage>(std::move(tensors), options.first_step, options.decay);
  if (options.kind == "swad") return std::make_unique<Swad>(std::move(tensors), options);
  if (options.kind == "best") return std::make_unique<BestAverage>(std::move(tensors));
  return nullptr;
}

}  // namespace engram
