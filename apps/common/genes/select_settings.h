#pragma once
/// The settings of engram-genes select, and what they mean to the pipeline.

#include <string>

#include "apps/common/common_options.h"
#include "apps/common/genes/data_settings.h"
#include "models/genes/pipeline.h"

namespace engram::apps {

struct SelectSettings {
  CommonOptions common;
  DataSettings data;
  std::string mode = "default", likelihood = "auto", fitness = "auto", search = "qbso-greedy";
  double xi = 0.5;
  std::int64_t report = 10, from_cox = 60, from_aft = 40, filter = 100, team_filter = 60;
  std::int64_t seeds = 10, evaluations = 3000, splits = 50, permutations = 1000, controls = 3;
  bool adjust_prognostic = true, reward_clinical = false;
};

/// Registers all of them.
void add_select_settings(Cli& cli, SelectSettings& settings);

/// The pipeline's options.
genes::PipelineOptions pipeline_options(const SelectSettings& settings);

}  // namespace engram::apps
