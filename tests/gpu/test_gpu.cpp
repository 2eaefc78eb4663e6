/// Checks a device against the CPU and times it: `test_gpu [DEVICE]`, by default cuda. Prints a line a check; exits
/// with 0 when all agree, 1 when one does not, 77 when there is no such device.

#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <string>

#include "engine/allocator.h"
#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "kernels/plugin/plugin.h"
#include "models/methods/inversion/natural_inversion.h"
#include "models/nets/make_network.h"
#include "models/training/step_runner.h"

namespace engram {
namespace {

int failures = 0;

void report(const std::string& name, double error, double tolerance) {
  const bool good = error <= tolerance;
  if (!good) ++failures;
  std::printf("%-44s %s  worst error %.2e, allowed %.0e\n", name.c_str(), good ? "ok    " : "FAILED", error, tolerance);
}

/// Largest difference relative to the largest magnitude.
double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double scale = 1e-6, most = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    scale = std::max(scale, double(std::abs(b[i])));
    const double d = std::abs(double(a[i]) - double(b[i]));
    most = d <= most ? most : d;  // a NaN counts
  }
  return most / scale;
}

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return normal(shape, generator);
}

struct Pass {
  std::vector<float> logits, gradient;
};

/// Forward and backward pass of a classifier in training mode.
Pass classifier_pass(const Device& device) {
  auto network = make_network("resnet20", 10, {.seed = 3, .device = device});
  network->train();
  const Tensor x = random_tensor({8, 3, 32, 32}, 1).to(device);
  const Tensor logits = network->forward(x);
  const Tensor loss =
      softmax_cross_entropy(logits, Tensor::from(std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6, 7}, {8}, device));
  const std::vector<Tensor> parameters = network->parameters();
  return {logits.to_vector(), grad({loss}, parameters)[0].to_vector()};
}

/// Losses of some iterations of NaturalInversion, with or without the captured graph.
std::vector<float> inversion_losses(const Device& device, bool capture) {
  auto classifier = make_network("resnet20", 10, {.seed = 9, .device = device});
  InversionOptions options;
  options.batch_size = 4;
  const auto batch = start_inversion(*classifier, options, 7, 0);
  StepRunner runner(*batch, capture);
  std::vector<float> losses;
  for (dim_t step = 0; step < 5; ++step) {
    runner.run(step);
    losses.push_back(float(batch->meters().read(step).at(0).value));
  }
  return losses;
}

void time_inversion(const Device& device) {
  using Clock = std::chrono::steady_clock;
  auto classifier = make_network("resnet34", 10, {.seed = 9, .device = device});
  for (const bool capture : {false, true}) {
    InversionOptions options;
    options.batch_size = 256;
    const auto batch = start_inversion(*classifier, options, 7, 0);
    StepRunner runner(*batch, capture);
    dim_t step = 0;
    for (; step < 5; ++step) runner.run(step);
    synchronize(device);
    const auto start = Clock::now();
    constexpr int kCount = 20;
    for (int i = 0; i < kCount; ++i) runner.run(step++);
    synchronize(device);
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count() / kCount;
    std::printf("NaturalInversion iteration, ResNet-34, batch 256, %s: %.2f ms, peak %.2f GB\n",
                capture ? "captured graph" : "issued each time", ms,
                double(CachingAllocator::of(device).stats().peak_live_bytes) * 1e-9);
  }
}

int run(const std::string& name) {
  Device device;
  try {
    device = parse_device(name);
  } catch (const DeviceError& error) {
    std::printf("skipped: %s\n", error.what());
    return 77;
  }
  const kernels::DeviceProperties p = device_properties(device);
  std::printf("%s: %s, compute capability %d.%d, %s\n", name.c_str(), p.name.c_str(), p.major, p.minor,
              p.libraries.c_str());
  const Tensor a = random_tensor({65, 129}, 1), b = random_tensor({129, 33}, 2);
  report("matmul", difference(matmul(a.to(device), b.to(device)).to_vector(), matmul(a, b).to_vector()), 1e-5);
  for (const kernels::ConvPolicy policy : {kernels::ConvPolicy::kExact, kernels::ConvPolicy::kFast}) {
    set_conv_policy(policy);
    const std::string how = policy == kernels::ConvPolicy::kExact ? ", direct sums" : ", Winograd";
    const Pass got = classifier_pass(device), expected = classifier_pass({});
    report("resnet20 logits" + how, difference(got.logits, expected.logits), 1e-3);
    report("resnet20 first gradient" + how, difference(got.gradient, expected.gradient), 1e-2);
  }
  const auto cpu = inversion_losses({}, false), eager = inversion_losses(device, false);
  report("NaturalInversion losses", difference(eager, cpu), 1e-2);
  report("the same from a captured graph", difference(inversion_losses(device, true), eager), 0);
  report("the same repeated", difference(inversion_losses(device, true), eager), 0);
  if (device.type == DeviceType::kCuda) time_inversion(device);
  return failures > 0 ? 1 : 0;
}

}  // namespace
}  // namespace engram

int main(int argc, char** argv) {
  try {
    return engram::run(argc > 1 ? argv[1] : "cuda");
  } catch (const std::exception& error) {
    std::printf("FAILED: %s\n", error.what());
    return 1;
  }
}
