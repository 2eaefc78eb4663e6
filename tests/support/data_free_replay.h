#pragma once
/// What the replays of the data-free methods' trajectories (tests/golden/*_trajectory.json) have in common.

#include <map>
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

/// How close the quantities of a replay come, relative: 1e-4 in the first step and 1e-3 in later ones and at the end
/// (tests/golden/README.md), but for the quantities that PyTorch's float32 itself takes further from the stored values.
/// There rounding has grown: Adam moves a weight whose gradient is rounding by its whole rate, rectifiers switch, and
/// the next gradients differ by the square root of that.
class ReplayLimits {
 public:
  /// By the names of meters and tensors, how far PyTorch's float32 departs from its float64, step by step (the last for
  /// all after it): the largest up to that step of runs that differ in rounding or in the seed of the formula, 0.1 at
  /// most. The limit is `factor` times that. 0: that of README.
  using Departures = std::map<std::string, std::vector<double>>;

  ReplayLimits() = default;
  explicit ReplayLimits(Departures departures, double factor = 3)
      : departures_(std::move(departures)), factor_(factor) {}

  /// Of what a step, counted from 0, reports.
  double of(const std::string& name, std::size_t step) const { return larger(step == 0 ? 1e-4 : 1e-3, name, step); }
  /// Of what is left after steps; `round` counts such states.
  double after(const std::string& name, std::size_t round = 0) const { return larger(1e-3, name, round); }

 private:
  double larger(double limit, const std::string& name, std::size_t index) const;

  Departures departures_;
  double factor_ = 3;
};

/// The value of a meter after a step.
double meter(TrainingTask& task, const std::string& name);

/// The file's constants of normalisation, or those of CIFAR.
Normalization replay_normalization(const nlohmann::json& data);

/// Expects a tensor's extents and norm.
void expect_norm(const Tensor& x, const nlohmann::json& summary, double tolerance, const std::string& what);

/// Expects the norms of a module's tensors to be those of an object of summaries. Limits go by "<prefix><name>".
void expect_state(const Module& module, const nlohmann::json& summaries, const ReplayLimits& limits,
                  const std::string& prefix, std::size_t round = 0);

/// Expects "params" and the norm of the logits of the file's probe images in evaluation mode; limits go by
/// "student.<name>" and "logits".
void expect_student(Network& student, const nlohmann::json& after, std::uint64_t seed, const ReplayLimits& limits);

}  // namespace engram::testing
