#pragma once
/// Settings of filter and fitness that engram-genes select and evaluate share.

#include <optional>
#include <string>

#include "apps/common/cli.h"
#include "models/genes/fitness/fitness.h"
#include "models/genes/screens.h"

namespace engram::apps {

struct FitnessSettings {
  std::string fitness = "auto", weights = "none";
  bool adjust_prognostic = true;
  std::int64_t from_cox = 60, from_aft = 40, filter = 100;
};

/// Registers the settings of the filter, in a group of their own.
void add_filter_settings(Cli& cli, FitnessSettings& settings);
/// Registers those of the fitness, in the group that is open.
void add_fitness_settings(Cli& cli, FitnessSettings& settings);

/// The filter's options.
genes::FilterOptions filter_options(const FitnessSettings& settings);
/// The fitness; nothing for "auto".
std::optional<genes::Fitness> chosen_fitness(const FitnessSettings& settings);

}  // namespace engram::apps
