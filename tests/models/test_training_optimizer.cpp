/// Optimisers of models/training: PyTorch's updates, on the CPU and the emulated device, and state that goes on.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/device.h"
#include "models/training/checkpoint.h"
#include "models/training/optimizer.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

class OptimizerTest : public ::testing::TestWithParam<const char*> {
 protected:
  Device device_ = parse_device(GetParam());
};

OptimizerOptions options_of(const nlohmann::json& json) {
  OptimizerOptions options;
  options.kind = parse_optimizer(json["kind"]);
  options.momentum = json.value("momentum", 0.9f);
  options.nesterov = json.value("nesterov", true);
  options.weight_decay = json["weight_decay"];
  return options;
}

TEST_P(OptimizerTest, ThreeStepsAreThoseOfPyTorch) {
  const nlohmann::json golden = testing::golden_json("optimizer_steps.json");
  const std::vector<float> start = golden["start"];
  const Shape shape = {dim_t(start.size())};
  for (const auto& entry : golden["cases"]) {
    const Tensor parameter = Tensor::from(start, shape, device_);
    Optimizer optimizer({{"p", parameter}}, options_of(entry));
    for (std::size_t step = 0; step < golden["rates"].size(); ++step) {
      const Tensor gradient = Tensor::from(golden["gradients"][step].get<std::vector<float>>(), shape, device_);
      optimizer.step({gradient}, Tensor::scalar(golden["rates"][step], device_));
    }
    const std::vector<float> after = parameter.to_vector();
    for (std::size_t i = 0; i < after.size(); ++i)
      EXPECT_NEAR(after[i], entry["after"][i].get<double>(), 1e-6) << entry["name"] << " " << i;
  }
}

/// A parameter of rank 2 and one of rank 1 that takes part in every second step only.
class TwoParameters : public TrainingTask {
 public:
  TwoParameters(const Device& device, const OptimizerOptions& options)
      : device_(device),
        matrix_(Tensor::full({3, 2}, 0.5f, device)),
        vector_(Tensor::full({4}, -0.25f, device)),
        optimizer_({{"matrix", matrix_}, {"vector", vector_}}, options) {}
  Device device() const override { return device_; }
  void stage(dim_t step) override { step_ = step; }
  void issue() override {
    const Tensor none;
    optimizer_.step({Tensor::full({3, 2}, float(step_ + 1), device_),
                     step_ % 2 == 1 ? Tensor::full({4}, 2.f / float(step_), device_) : none},
                    0.01f);
  }
  std::vector<float> values() const {
    std::vector<float> all = matrix_.to_vector();
    const std::vector<float> rest = vector_.to_vector();
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }

 protected:
  void visit_parts(StateVisitor& visitor) override {
    visitor.visit("matrix", matrix_);
    visitor.visit("vector", vector_);
    visitor.visit("optimizer", optimizer_);
  }

 private:
  Device device_;
  Tensor matrix_, vector_;
  Optimizer optimizer_;
  dim_t step_ = 0;
};

void run(TwoParameters& task, dim_t from, dim_t to) {
  for (dim_t step = from; step < to; ++step) {
    task.stage(step);
    task.issue();
  }
}

TEST_P(OptimizerTest, RestoredStateGoesOnWithTheSameBits) {
  const test::TempFolder folder;
  for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam, OptimizerKind::kAdamW}) {
    OptimizerOptions options;
    options.kind = kind;
    options.weight_decay = 0.1f;
    options.decay_vectors = false;
    TwoParameters straight(device_, options);
    run(straight, 0, 5);
    for (const dim_t cut : {0, 1, 3}) {  // before any state, with that of one parameter, with all of it
      TwoParameters first(device_, options), second(device_, options);
      run(first, 0, cut);
      save_checkpoint(folder / "state", first, cut, "");
      EXPECT_EQ(load_checkpoint(folder / "state", second, "", 5), cut);
      run(second, cut, 5);
      EXPECT_EQ(second.values(), straight.values()) << int(kind) << " cut at " << cut;
    }
  }
}

TEST_P(OptimizerTest, StateOfAnotherOptimiserIsRefused) {
  const test::TempFolder folder;
  OptimizerOptions sgd, adam = adam_options(), plain;
  plain.momentum = 0;
  TwoParameters first(device_, sgd), other(device_, adam), none(device_, plain);
  run(first, 0, 2);
  save_checkpoint(folder / "state", first, 2, "");
  EXPECT_ERROR(load_checkpoint(folder / "state", other, "", 5), DataError, "optimizer.adam_m.matrix");
  EXPECT_ERROR(load_checkpoint(folder / "state", none, "", 5), DataError, "optimizer.momentum");
}

TEST(OptimizerSettings, DecayLeavesVectorsOutWhenAsked) {
  const Tensor matrix = Tensor::ones({2, 2}), vector = Tensor::ones({2});
  OptimizerOptions options;
  options.weight_decay = 0.5f;
  options.decay_vectors = false;
  Optimizer optimizer({{"matrix", matrix}, {"vector", vector}}, options);
  optimizer.step({Tensor::zeros({2, 2}), Tensor::zeros({2})}, 0.1f);
  EXPECT_LT(matrix.to_vector()[0], 1.f);
  EXPECT_EQ(vector.to_vector()[0], 1.f);
  EXPECT_ERROR(parse_optimizer("lion"), UsageError, "got 'lion'");
}

INSTANTIATE_TEST_SUITE_P(Devices, OptimizerTest, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace engram
