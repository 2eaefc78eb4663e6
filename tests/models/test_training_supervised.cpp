/// Supervised training by its parts: rates, clipping, averages, and evaluation, on the CPU and the emulated device.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/nets/make_network.h"
#include "models/training/evaluate.h"
#include "models/training/step_runner.h"
#include "models/training/supervised.h"
#include "tests/support/bright_images.h"
#include "tests/support/expect_error.h"

namespace engram {
namespace {

using testing::bright_images;

class SupervisedTest : public ::testing::TestWithParam<const char*> {
 protected:
  Device device_ = parse_device(GetParam());
  ImageDataset data_ = bright_images(4);
  std::unique_ptr<Network> network_ = make_network("wrn-10-1", 2, {.seed = 5, .device = device_});

  SupervisedOptions options() const {
    SupervisedOptions options;
    options.optimizer.momentum = 0;
    options.optimizer.nesterov = false;
    options.batches.batch_size = 2;
    options.epochs = 2;
    options.schedule.base_lr = 0.01;
    return options;
  }
  std::vector<std::vector<float>> weights(const Module& module) const {
    std::vector<std::vector<float>> all;
    for (const Tensor& parameter : module.parameters()) all.push_back(parameter.to_vector());
    return all;
  }
  /// Euclidean norm of the difference of two lists of tensors.
  static double distance(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b) {
    double squares = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::size_t j = 0; j < a[i].size(); ++j) squares += std::pow(double(a[i][j]) - double(b[i][j]), 2);
    return std::sqrt(squares);
  }
};

TEST_P(SupervisedTest, TheScheduleReachesTheUpdate) {
  SupervisedOptions o = options();
  o.schedule.kind = ScheduleKind::kMultiStep;
  o.schedule.milestones = {2};
  o.schedule.gamma = 1e-6;
  SupervisedTask task(*network_, data_, o);
  StepRunner runner(task);
  ASSERT_EQ(task.total_steps(), 4);
  EXPECT_EQ(task.learning_rate(1), 0.01);
  std::vector<double> moved;
  for (dim_t step = 0; step < 4; ++step) {
    const auto before = weights(*network_);
    runner.run(step);
    moved.push_back(distance(weights(*network_), before));
  }
  EXPECT_GT(moved[1], 1e-4);
  EXPECT_LT(moved[2], 1e-4 * moved[1]);
}

TEST_P(SupervisedTest, ClippingBoundsTheUpdate) {
  SupervisedOptions o = options();
  o.clip_norm = 1e-3f;
  SupervisedTask task(*network_, data_, o);
  StepRunner runner(task);
  const auto before = weights(*network_);
  runner.run(0);
  EXPECT_NEAR(distance(weights(*network_), before), 0.01 * 1e-3, 1e-7);
}

TEST_P(SupervisedTest, TheAverageWarmsUpAndIsDeployed) {
  SupervisedOptions o = options();
  o.ema_decay = 0.15;
  SupervisedTask task(*network_, data_, o);
  StepRunner runner(task);
  auto expected = weights(*network_);
  for (dim_t step = 0; step < 4; ++step) {
    runner.run(step);
    const double decay = std::min(0.15, double(1 + step) / double(10 + step));
    const auto now = weights(*network_);
    for (std::size_t i = 0; i < now.size(); ++i)
      for (std::size_t j = 0; j < now[i].size(); ++j)
        expected[i][j] = float(decay * double(expected[i][j]) + (1 - decay) * double(now[i][j]));
  }
  EXPECT_NE(&task.deployed(), network_.get());
  EXPECT_LT(distance(weights(task.deployed()), expected), 1e-5);
  EXPECT_GT(distance(weights(task.deployed()), weights(*network_)), 1e-4);
}

TEST_P(SupervisedTest, MetersAreLossAndAccuracyOfTheBatch) {
  SupervisedOptions o = options();
  o.batches.batch_size = 4;
  o.epochs = 1;
  SupervisedTask task(*network_, data_, o);
  StepRunner runner(task);
  runner.run(0);
  const MeterValues values = task.meters().collect(0);
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(values[0].name, "train/loss");
  EXPECT_EQ(values[1].name, "train/accuracy");

  const auto fresh = make_network("wrn-10-1", 2, {.seed = 5, .device = device_});
  BatchPlan plan = o.batches;
  plan.shuffle = true;
  const DeviceDataset on_device(data_, device_);
  BatchStager stager(on_device, plan);
  stager.stage(0);
  const LabelledBatch batch = stager.gather();
  const Tensor logits = fresh->forward(batch.images);
  const Tensor loss = softmax_cross_entropy(logits, batch.labels);
  EXPECT_EQ(values[0].value, double(loss.item()));
  const auto rows = logits.detach().to_vector();
  const auto labels = batch.labels.to_int_vector();
  int correct = 0;
  for (std::size_t i = 0; i < 4; ++i) correct += (rows[2 * i + 1] > rows[2 * i]) == (labels[i] == 1);
  EXPECT_EQ(values[1].value, correct / 4.0);
}

TEST_P(SupervisedTest, StepsMayBeRunFromAnyPlace) {
  SupervisedTask task(*network_, data_, options());
  task.stage(3);
  task.stage(0);
  task.issue();
  const auto other = make_network("wrn-10-1", 2, {.seed = 5, .device = device_});
  SupervisedTask straight(*other, data_, options());
  straight.stage(0);
  straight.issue();
  EXPECT_EQ(weights(*other), weights(*network_));
  EXPECT_ERROR(task.stage(4), UsageError, "below 4");
}

TEST_P(SupervisedTest, EvaluationIsThatOfTheLogits) {
  const Evaluation got = evaluate(*network_, data_);
  const DeviceDataset on_device(data_, device_);
  BatchStager stager(on_device, {.batch_size = 4});
  stager.stage(0);
  const Tensor all = stager.gather().images;
  network_->eval();
  const auto logits = network_->forward(all).detach().to_vector();
  dim_t correct = 0;
  double loss = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int label = data_.labels[i], predicted = logits[2 * i + 1] > logits[2 * i] ? 1 : 0;
    correct += predicted == label;
    loss += std::log(std::exp(double(logits[2 * i])) + std::exp(double(logits[2 * i + 1]))) -
            double(logits[2 * i + std::size_t(label)]);
  }
  EXPECT_EQ(got.count, 4);
  EXPECT_EQ(got.correct, correct);
  EXPECT_NEAR(got.mean_loss, loss / 4, 1e-4 * loss);
  EXPECT_EQ(got.confusion[0][0] + got.confusion[0][1], 2);
}

TEST_P(SupervisedTest, EvaluationNamesTheFirstLayerThatIsNotFinite) {
  const auto refused = [&](const char* parameter, float factor, const char* layer) {
    const auto broken = make_network("wrn-10-1", 2, {.seed = 5, .device = device_});
    const Tensor weight = broken->state().at(parameter);
    std::vector<float> values = weight.to_vector();
    for (float& v : values) v = v == 0 ? factor : v * factor;
    stage_values(weight, values);
    EXPECT_ERROR(evaluate(*broken, data_), DataError, std::string("is not finite: ") + layer);
  };
  refused("block2.layer.0.bn1.weight", std::numeric_limits<float>::infinity(), "block2.layer.0.bn1");
  refused("block1.layer.0.conv1.weight", std::nanf(""), "block1.layer.0.conv1");
  refused("fc.bias", std::nanf(""), "fc");
}

TEST_P(SupervisedTest, SenselessOptionsAreRefused) {
  const auto refused = [&](auto change, const char* words) {
    SupervisedOptions o = options();
    change(o);
    EXPECT_ERROR(SupervisedTask(*network_, data_, o), UsageError, words);
  };
  refused([](auto& o) { o.epochs = 0; }, "at least 1 epoch");
  refused([](auto& o) { o.batches.batch_size = 0; }, "batch size");
  refused([](auto& o) { o.batches.batch_size = 5; }, "at most the 4 training images");
  refused([](auto& o) { o.ema_decay = 1; }, "EMA decay");
  refused([](auto& o) { o.label_smoothing = -0.1f; }, "label smoothing");
  refused([](auto& o) { o.schedule.base_lr = -1; }, "learning rate");
}

INSTANTIATE_TEST_SUITE_P(Devices, SupervisedTest, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace engram
