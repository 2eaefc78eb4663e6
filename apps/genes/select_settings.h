#pragma once
/// The settings of engram-genes select, and what they mean to the pipeline.

#include <string>

#include "apps/common/common_options.h"
#include "apps/genes/data_settings.h"
#include "apps/genes/fitness_settings.h"
#include "models/genes/pipeline.h"

namespace engram::apps {

struct SelectSettings {
  CommonOptions common;
  CohortSettings data;
  FitnessSettings fitness;
  std::string mode = "default", likelihood = "auto", search = "qbso-greedy";
  double xi = 0.5;
  std::int64_t report = 10, team_filter = 60, seeds = 10, evaluations = 3000;
  std::int64_t splits = 50, permutations = 1000, controls = 20, bootstrap = 0, cross_validate = 0;
  std::int64_t reselections = 20;
  bool reward_clinical = false, robust = false;
  std::string time_unit;
};

/// Registers all of them.
void add_select_settings(Cli& cli, SelectSettings& settings);

/// Throws UsageError where --device is not cpu and the screens have no kernels for what is asked.
void require_device_can(const SelectSettings& settings);

/// The pipeline's options.
genes::PipelineOptions pipeline_options(const SelectSettings& settings);

}  // namespace engram::apps
