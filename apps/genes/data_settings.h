#pragma once
/// Which cohort a command of engram-genes reads.

#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/cli.h"
#include "apps/common/common_options.h"
#include "apps/common/program.h"
#include "models/genes/cohort_io.h"

namespace engram::apps {

/// Path, roles of columns, and how anomalies are treated.
struct CohortSettings {
  std::filesystem::path data;
  std::string index, time = "time", event = "event", treatment = "Treatment";
  std::string entry, strata, cluster;  ///< registered by add_entry_role(), add_fit_roles() and add_cluster_role()
  std::vector<std::string> clinical, genes, coding;
  bool need_genes = true;     ///< false: one CSV file needs no gene columns
  double clip_clinical = -1;  ///< negative: no clipping
  bool drop_invalid = false;
  double memory_limit_mib = 0;
};

/// Registers --data and the roles of a wide CSV file.
void add_cohort_settings(Cli& cli, CohortSettings& settings);

/// Registers --entry.
void add_entry_role(Cli& cli, CohortSettings& settings);

/// Registers --entry and --strata.
void add_fit_roles(Cli& cli, CohortSettings& settings);

/// Registers --cluster.
void add_cluster_role(Cli& cli, CohortSettings& settings);

/// Registers --device, cpu unless it is given.
void add_screen_device(Cli& cli, CommonOptions& options);

/// Reads the cohort. Throws UsageError when no path was given, and what load_cohort() throws.
genes::LoadedCohort load_data(const CohortSettings& settings);

/// Prints what is unusual about the data, one note a line, on the call's `err`.
void print_findings(const Call& call, const genes::LoadedCohort& data);

/// Adds the files read, with their hashes, to what a run depends on.
void add_data_input(const CohortSettings& settings, Program& program);

}  // namespace engram::apps
