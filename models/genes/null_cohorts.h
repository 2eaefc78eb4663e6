#pragma once
/// Cohorts whose genes are known to change what the treatment does, or not to: what calibration is measured on
/// (docs/results/genes).

#include <cstdint>
#include <string>
#include <vector>

#include "models/genes/cohort.h"

namespace engram::genes {

/// A kind of cohort. No gene changes what the treatment does, on the scale that it is made on; the simulator's
/// scenarios with key genes are the exception.
struct NullSetting {
  std::string name, description;
  dim_t patients = 500, genes = 300;
  double lowest_frequency = 0.05, highest_frequency = 0.5;  ///< of the genes, uniform between them
  int clinical = 3;                                         ///< standard normal variables, each with effect 0.3
  double treated = 0.5;                                     ///< share
  double confounding = 0;                                   ///< of each clinical variable on the log odds of treatment
  bool hazards = true;                                      ///< extreme-value noise (proportional hazards); else normal
  double deviation[2] = {1, 1};                             ///< of log time, untreated and treated
  double treatment_effect = 0.3;
  dim_t prognostic = 0;                 ///< genes with a main effect
  double prognostic_effect = 0;         ///< the largest; half of them shorten life
  bool prognostic_only = false;         ///< the prognostic genes are those looked at
  double deaths = 0.5;                  ///< share
  double late = 0;                      ///< share of the patients who are observed from an entry on (hazards only)
  double responders = 0, response = 0;  ///< share of the treated, whatever their genes, and what log time they gain
  dim_t family = 1;                     ///< patients who share genes and an effect of this deviation on log time:
  double family_deviation = 0;
  bool simulator = false;  ///< a scenario of the simulator instead, by `scenario`
  std::string scenario;
  bool permute_treatment = false;  ///< then the labels are permuted within fifths of the propensity
};

/// All settings, in the order of the results' table.
const std::vector<NullSetting>& null_settings();
/// The setting of this name. Throws UsageError that lists the names.
const NullSetting& null_setting(const std::string& name);

struct NullCohort {
  Cohort cohort;                  ///< with clusters where the setting has families
  std::vector<dim_t> null_genes;  ///< without any product effect; those that are looked at
  std::vector<dim_t> key_genes;   ///< with one
  std::vector<double> effect;     ///< one a gene: what it adds to the log time under treatment
};

/// Draws one; the same seed gives the same cohort.
NullCohort draw_null_cohort(const NullSetting& setting, std::uint64_t seed);

}  // namespace engram::genes
