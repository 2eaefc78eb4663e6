#pragma once
/// How long a run will take, told at its start.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace engram::apps {

/// Measures the first steps of a run. The very first ones are left out: they prepare what later ones reuse.
class TimeEstimate {
 public:
  /// `total` steps are to be done by this call of the program. `clock` gives seconds; empty: the steady clock.
  explicit TimeEstimate(std::int64_t total, std::function<double()> clock = {});

  /// Called after each step. Returns one sentence ("about 12:30 for 2000 iterations (0.38 s each)"), once: when
  /// kSeconds have been measured, or a tenth of the run has passed. Nothing for runs of fewer than kFewest steps.
  std::optional<std::string> step();

 private:
  static constexpr std::int64_t kWarmUp = 3, kFewest = 20;
  static constexpr double kSeconds = 5;

  std::function<double()> clock_;
  std::int64_t total_, done_ = 0;
  double start_ = 0;
  bool said_ = false;
};

}  // namespace engram::apps
