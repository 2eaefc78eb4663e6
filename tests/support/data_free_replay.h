#pragma once
/// What the replays of the data-free methods' trajectories (tests/golden/*_trajectory.json) have in common.

#include <algorithm>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

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

/// How close the steps of a replay come, relative: the first entry is that of the first step, the last one that of all
/// after it. float32 meets the first step to 1e-4. Then rounding grows: Adam moves a weight whose gradient is rounding
/// by its whole rate, rectifiers switch, and the next gradients differ by the square root of that
/// (tests/golden/README.md says about 1e-3 for the second step). Values that were seen are a third of these or less.
struct ReplayLimits {
  std::vector<double> steps;
  double state;  ///< of the norms of tensors at the end
  double of(std::size_t step) const { return steps[std::min(step, steps.size() - 1)]; }
  /// Of gradients' norms, which rectifiers move first.
  double gradient(std::size_t step) const { return 5 * of(step); }
};

/// The value of a meter after a step.
double meter(TrainingTask& task, const std::string& name);

/// The file's constants of normalisation, or those of CIFAR.
Normalization replay_normalization(const nlohmann::json& data);

/// Expects a tensor's extents and norm.
void expect_norm(const Tensor& x, const nlohmann::json& summary, double tolerance, const std::string& what);

/// Expects the norms of a module's tensors to be those of an object of summaries.
void expect_state(const Module& module, const nlohmann::json& summaries, double tolerance);

/// Expects "params" and the norm of the logits of the file's probe images in evaluation mode.
void expect_student(Network& student, const nlohmann::json& after, std::uint64_t seed, double tolerance);

}  // namespace engram::testing
