/// Training and inversion on the emulated device against the CPU.

#include <cmath>

#include "engine/io/safetensors.h"
#include "engine/ops/conv2d.h"
#include "models/methods/inversion/inversion.h"
#include "models/nets/make_network.h"
#include "models/training/step_runner.h"
#include "models/training/supervised.h"
#include "tests/cuda/cifar_subset.h"
#include "tests/cuda/emulated.h"
#include "tests/support/bright_images.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using EndToEnd = testing::Emulated;

struct Trained {
  std::vector<double> losses;
  StateDict before, after;
};

StateDict on_host(const Module& module) {
  StateDict state;
  for (const auto& [name, tensor] : module.state()) state[name] = tensor.to(Device{}).clone();
  return state;
}

Trained train_on(const Device& device, OptimizerKind kind) {
  const ImageDataset data = testing::bright_images(8);
  auto network = make_network("resnet8x4", 2, {.seed = 5, .device = device});
  SupervisedOptions options;
  options.optimizer.kind = kind;
  options.epochs = 2;
  options.batches.batch_size = 4;
  options.batches.seed = 3;
  options.schedule.base_lr = kind == OptimizerKind::kSgd ? 0.01 : 1e-3;  // larger steps of Adam soon leave no loss
  options.optimizer.eps = 1e-3f;  // so that a gradient of rounding noise is not a step
  SupervisedTask task(*network, data, options);
  StepRunner runner(task);
  Trained result;
  result.before = on_host(*network);
  for (dim_t step = 0; step < 3; ++step) {
    runner.run(step);
    result.losses.push_back(task.meters().read(step)[0].value);
  }
  result.after = on_host(*network);
  return result;
}

/// How far what `b` did to a tensor is from what `a` did, relative to the latter: Euclidean norms of the changes.
double difference_of_updates(const Trained& a, const Trained& b, const std::string& name) {
  const auto before = a.before.at(name).to_vector(), x = a.after.at(name).to_vector(), y = b.after.at(name).to_vector();
  double difference = 0, update = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    difference += std::pow(double(x[i]) - double(y[i]), 2);
    update += std::pow(double(x[i]) - double(before[i]), 2);
  }
  return std::sqrt(difference / update);
}

TEST_F(EndToEnd, TrainingStepsChangeTheWeightsAsOnTheCpu) {
  set_conv_policy(kernels::ConvPolicy::kExact);
  for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam}) {
    const Trained cpu = train_on({}, kind), emu = train_on(parse_device("emu"), kind);
    for (std::size_t i = 0; i < cpu.losses.size(); ++i)
      EXPECT_NEAR(emu.losses[i], cpu.losses[i], 1e-3 * cpu.losses[i]) << i;
    for (const auto& [name, tensor] : cpu.after)
      EXPECT_LT(difference_of_updates(cpu, emu, name), kind == OptimizerKind::kSgd ? 1e-2 : 5e-2) << name;
  }
  set_conv_policy(kernels::ConvPolicy::kFast);
}

struct Inverted {
  std::vector<MeterValues> terms;
  std::vector<float> images;
};

Inverted invert_on(const Device& device) {
  auto classifier = make_network("resnet18-w16", 4, {.seed = 9, .device = device});
  InversionOptions options;
  options.batch_size = 2;
  options.weights = published_weights("natural-inversion", 4);
  const auto batch = start_inversion(*classifier, options, 7, 0);
  StepRunner runner(*batch);
  Inverted result;
  for (dim_t step = 0; step < 2; ++step) {
    runner.run(step);
    result.terms.push_back(batch->meters().read(step));
  }
  result.images = batch->current_images().to_vector();
  return result;
}

TEST_F(EndToEnd, InversionIterationsAgreeWithTheCpu) {
  set_conv_policy(kernels::ConvPolicy::kExact);
  const Inverted cpu = invert_on({}), emu = invert_on(parse_device("emu"));
  for (std::size_t i = 0; i < cpu.terms.size(); ++i) {
    for (const std::size_t term : {0, 2})  // the total and the variances' distance
      EXPECT_NEAR(emu.terms[i][term].value, cpu.terms[i][term].value, 2e-3 * cpu.terms[i][term].value)
          << i << " " << cpu.terms[i][term].name;
  }
  ASSERT_EQ(cpu.images.size(), emu.images.size());
  double worst = 0;
  for (std::size_t i = 0; i < cpu.images.size(); ++i)
    worst = std::max(worst, double(std::abs(cpu.images[i] - emu.images[i])));
  EXPECT_LT(worst, 0.05);
  set_conv_policy(kernels::ConvPolicy::kFast);
}

TEST_F(EndToEnd, ACapturedIterationRepeatsTheEagerOneToTheBit) {
  const Device device = parse_device("emu");
  const auto images = [&](bool capture, std::size_t* nodes) {
    auto classifier = make_network("resnet18-w16", 4, {.seed = 9, .device = device});
    InversionOptions options;
    options.batch_size = 1;
    const auto batch = start_inversion(*classifier, options, 7, 0);
    StepRunner runner(*batch, capture);
    for (dim_t step = 0; step < 3; ++step) runner.run(step);
    const std::int64_t before = emu::runtime_stats().waits;
    runner.run(3);
    EXPECT_EQ(emu::runtime_stats().waits - before, 0);
    *nodes = runner.num_graph_nodes();
    return batch->result().to_vector();
  };
  std::size_t nodes = 0, none = 0;
  EXPECT_EQ(images(true, &nodes), images(false, &none));
  EXPECT_GT(nodes, 100u);
  EXPECT_EQ(none, 0u);
  RecordProperty("nodes", int(nodes));
}

TEST_F(EndToEnd, ProgramsRunOnTheEmulatedDevice) {
  const test::TempFolder folder;
  testing::write_cifar_subset(folder.path());
  const auto trained =
      test::run_program("engram-train", {"--data", folder.path().string(), "--dataset", "cifar10-subset", "--out",
                                         (folder / "run").string(), "--device", "emu", "--arch", "resnet8x4",
                                         "--batch-size", "2", "--epochs", "1", "--limit", "2"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  const std::string file = (folder / "run" / "classifier.safetensors").string();
  const auto inspected = test::run_program("engram-inspect", {"--devices"});
  EXPECT_NE(inspected.out.find("Emulated CUDA device"), std::string::npos) << inspected.out;
  const auto evaluated = test::run_program("engram-eval", {file, "--data", folder.path().string(), "--dataset",
                                                           "cifar10-subset", "--device", "emu", "--limit", "2"});
  EXPECT_EQ(evaluated.code, 0) << evaluated.err;
  EXPECT_NE(evaluated.out.find("device      emu"), std::string::npos) << evaluated.out;
  const auto inverted =
      test::run_program("engram-invert", {file, "--out", (folder / "inverted").string(), "--device", "emu",
                                          "--batch-size", "1", "--iterations", "1", "--quiet"});
  EXPECT_EQ(inverted.code, 0) << inverted.err;
}

}  // namespace
}  // namespace engram
