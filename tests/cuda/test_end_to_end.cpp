/// Training and inversion on the emulated device against the CPU.

#include "engine/device_memory.h"
#include "engine/io/safetensors.h"
#include "engine/ops.h"
#include "engine/ops/conv2d.h"
#include "models/methods/natural_inversion.h"
#include "models/nets/make_network.h"
#include "models/training/trainer.h"
#include "tests/cuda/cifar_subset.h"
#include "tests/cuda/emulated.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using EndToEnd = testing::Emulated;

/// Images of two classes that differ in their brightness.
ImageDataset small_set() {
  ImageDataset data;
  data.name = "bright";
  data.split = "train";
  data.channels = 3;
  data.height = data.width = 32;
  data.count = 8;
  data.num_classes = 2;
  data.class_names = {"dark", "bright"};
  data.normalization = cifar_normalization();
  std::uint32_t state = 1;
  for (dim_t i = 0; i < data.count; ++i) {
    data.labels.push_back(std::int32_t(i % 2));
    for (int p = 0; p < 3 * 32 * 32; ++p) {
      state = state * 1664525u + 1013904223u;
      data.pixels.push_back(std::uint8_t((state >> 25) + (i % 2 ? 100 : 0)));
    }
  }
  return data;
}

/// The worst difference of two states, relative to the largest value of each tensor.
double difference(const StateDict& a, const StateDict& b) {
  double worst = 0;
  for (const auto& [name, tensor] : a) {
    const auto x = tensor.to_vector(), y = b.at(name).to_vector();
    double scale = 1e-3, most = 0;
    for (float v : x) scale = std::max(scale, double(std::abs(v)));
    for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(double(x[i]) - double(y[i])));
    worst = std::max(worst, most / scale);
  }
  return worst;
}

struct Trained {
  std::vector<double> losses;
  StateDict state;
};

Trained train_on(const Device& device, OptimizerKind kind) {
  const ImageDataset data = small_set();
  auto network = make_network("resnet8x4", 2, {.seed = 5, .device = device});
  TrainerOptions options;
  options.optimizer.kind = kind;
  options.epochs = 2;
  options.loader.batch_size = 4;
  options.loader.seed = 3;
  options.schedule.base_lr = kind == OptimizerKind::kSgd ? 0.01 : 1e-3;  // larger steps of Adam soon leave no loss
  options.optimizer.eps = 1e-3f;  // so that a gradient of rounding noise is not a step
  Trainer trainer(*network, data, options);
  Trained result;
  for (int step = 0; step < 3; ++step) result.losses.push_back(trainer.step().loss);
  for (const auto& [name, tensor] : network->state()) result.state[name] = tensor.to(Device{});
  return result;
}

TEST_F(EndToEnd, TrainingStepsAgreeWithTheCpu) {
  set_conv_policy(kernels::ConvPolicy::kExact);
  for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam}) {
    const Trained cpu = train_on({}, kind), emu = train_on(parse_device("emu"), kind);
    for (std::size_t i = 0; i < cpu.losses.size(); ++i)
      EXPECT_NEAR(emu.losses[i], cpu.losses[i], 1e-3 * cpu.losses[i]) << i;
    EXPECT_LT(difference(cpu.state, emu.state), kind == OptimizerKind::kSgd ? 2e-3 : 0.1);
  }
  set_conv_policy(kernels::ConvPolicy::kFast);
}

/// Losses and state after four steps with everything that a step can hold.
Trained train_captured(const std::string& arch, bool capture) {
  const ImageDataset data = small_set();
  auto network = make_network(arch, 2, {.seed = 5, .device = parse_device("emu")});
  TrainerOptions options;
  options.epochs = 4;
  options.loader.batch_size = 2;
  options.loader.seed = 3;
  options.schedule.base_lr = 0.01;
  options.schedule.kind = ScheduleKind::kCosine;
  options.label_smoothing = 0.1f;
  options.clip_norm = 1;
  options.ema_decay = 0.9;
  options.capture = capture;
  Trainer trainer(*network, data, options);
  Trained result;
  for (int step = 0; step < 4; ++step) result.losses.push_back(trainer.step().loss);
  for (const auto& [name, tensor] : trainer.result().state()) result.state[name] = tensor.to(Device{});
  return result;
}

TEST_F(EndToEnd, ACapturedTrainingStepHasTheBitsOfAnIssuedOne) {
  for (const char* arch : {"wrn-10-1", "vgg11-w16"}) {  // VGG draws dropout masks, so it is issued
    const Trained issued = train_captured(arch, false), captured = train_captured(arch, true);
    EXPECT_EQ(captured.losses, issued.losses) << arch;
    EXPECT_EQ(difference(captured.state, issued.state), 0) << arch;
  }
}

struct Inverted {
  std::vector<InversionTerms> terms;
  std::vector<float> images;
};

Inverted invert_on(const Device& device) {
  auto classifier = make_network("resnet18-w16", 4, {.seed = 9, .device = device});
  InversionOptions options;
  options.batch_size = 2;
  options.weights = published_weights("natural-inversion", 4);
  const auto batch = start_inversion(*classifier, options, 7, 0);
  Inverted result;
  for (int i = 0; i < 2; ++i) result.terms.push_back(batch->step());
  result.images = batch->current_images().to_vector();
  return result;
}

TEST_F(EndToEnd, InversionIterationsAgreeWithTheCpu) {
  set_conv_policy(kernels::ConvPolicy::kExact);
  const Inverted cpu = invert_on({}), emu = invert_on(parse_device("emu"));
  for (std::size_t i = 0; i < cpu.terms.size(); ++i) {
    EXPECT_NEAR(emu.terms[i].total, cpu.terms[i].total, 2e-3 * cpu.terms[i].total) << i;
    EXPECT_NEAR(emu.terms[i].bn_var, cpu.terms[i].bn_var, 2e-3 * cpu.terms[i].bn_var) << i;
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
  const auto images = [&](bool capture, std::size_t* nodes, std::int64_t* waits) {
    auto classifier = make_network("resnet18-w16", 4, {.seed = 9, .device = device});
    InversionOptions options;
    options.batch_size = 1;
    options.capture = capture;
    classifier->eval();
    classifier->set_requires_grad(false);
    NaturalInversion batch(*classifier, options, 7, 0);
    for (int i = 0; i < 3; ++i) batch.advance();
    const std::int64_t before = emu::runtime_stats().waits;
    batch.advance();
    // Filling the staging memory waits for the copies before the last: events, not work of the iteration.
    *waits = emu::runtime_stats().waits - before;
    *nodes = batch.num_graph_nodes();
    return batch.result().to_vector();
  };
  std::size_t nodes = 0, none = 0;
  std::int64_t waits = 0, eager_waits = 0;
  EXPECT_EQ(images(true, &nodes, &waits), images(false, &none, &eager_waits));
  EXPECT_GT(nodes, 100u);
  EXPECT_EQ(none, 0u);
  EXPECT_LE(waits, 2);
  RecordProperty("nodes", int(nodes));
}

TEST_F(EndToEnd, ProgramsRunOnTheEmulatedDevice) {
  const test::TempFolder folder;
  testing::write_cifar_subset(folder.path());
  const auto trained =
      test::run_program("engram-train", {"--data", folder.path().string(), "--dataset", "cifar10-subset", "--out",
                                         (folder / "run").string(), "--device", "emu", "--arch", "resnet8x4",
                                         "--batch-size", "2", "--epochs", "1", "--limit-train", "2"});
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
