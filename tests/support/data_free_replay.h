#pragma once
/// What the replays of the data-free methods' trajectories (tests/golden/*_trajectory.json) have in common.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "models/data/dataset.h"
#include "models/nets/latent_generator.h"
#include "models/nets/network.h"
#include "models/training/task.h"

namespace engram::testing {

/// The name of the network that a text of the file names ("ResNet-18", "WRN-16-2", "wrn16_1") at or after `start`.
std::string arch_in(const std::string& text, const std::string& start = "");

/// That network, filled by the formula under "<prefix>.".
std::unique_ptr<Network> replay_network(const std::string& arch, int num_classes, const std::string& prefix,
                                        std::uint64_t seed);

/// Fills a module by the formula and leaves its running statistics as constructed.
void fill_as_constructed(Module& module, const std::string& prefix, std::uint64_t seed);

/// "<name><suffix>" as normal noise of this shape.
Tensor replay_noise(const std::string& name, std::uint64_t seed, const Shape& shape);

/// Tolerance of step number `step`: Adam's and SGD's first steps amplify rounding (tests/golden/README.md).
inline double step_tolerance(std::size_t step) {
  return step == 0 ? 1e-4 : 1e-3;
}

/// The value of a meter after a step.
double meter(TrainingTask& task, const std::string& name);

/// The file's constants of normalisation, or those of CIFAR.
Normalization replay_normalization(const nlohmann::json& data);

/// Expects the tensors of a module to be the summaries of an object of names.
void expect_state(const Module& module, const nlohmann::json& summaries, double tolerance);

/// Expects "params" and the logits of the file's probe images in evaluation mode.
void expect_student(Network& student, const nlohmann::json& after, std::uint64_t seed, double tolerance);

}  // namespace engram::testing
