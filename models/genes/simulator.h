#pragma once
/// Simulated cohorts with a known answer (docs/methods/genes.md, "Simulated cohorts"). The same seed gives the same
/// bytes on every platform and at any number of threads: all random words come from Philox, each purpose and each item
/// from a place of its own, and the distributions use exactly rounded operations only (models/genes/portable_math.h).

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/genes/cohort.h"

namespace engram::genes {

/// Law of the noise e in log Y (2.1, step 5).
enum class Noise {
  kNormal,
  kLogistic,      ///< scaled to standard deviation 1
  kExtremeValue,  ///< log of a standard exponential: proportional hazards, Weibull with shape 1 / sigma
};

/// How follow-up ends without a death (2.1, step 6).
enum class Censoring {
  kShift,   ///< with probability `censoring_rate`, time = Y - Exp(mean censoring_shift), event 0
  kRandom,  ///< log-normal censoring time, its location found so that `censoring_rate` of the patients are censored
  kInformative,  ///< as kRandom, but the censoring time depends on the clinical state and the hidden factor
};

/// Everything the simulator can vary; the defaults are scenario H.
struct SimulatorSettings {
  std::string scenario = "H";
  dim_t patients = 1000, genes = 300;

  double gene_frequency = 0.1;
  bool beta_frequencies = false;  ///< f_j ~ Beta(beta_a, beta_b) clipped to [0.02, 0.5] instead of gene_frequency
  double beta_a = 2, beta_b = 18;
  dim_t decoys_per_key_gene = 0;  ///< genes that copy a key gene with probability decoy_rho
  double decoy_rho = 0.8;
  dim_t linkage_block = 0;  ///< genes in blocks of this size share a Gaussian copula (0: independent genes)
  double linkage_correlation = 0;

  double hidden_gene_leak = 0;  ///< tau: what each of hidden_leak_genes genes adds to the hidden factor
  dim_t hidden_leak_genes = 0;

  dim_t clinical_parents = 15;  ///< parent genes of each of Var1..Var6
  double clinical_parent_weight = 0.6;
  bool clip_clinical = false;  ///< clinical values above 9 become 9

  double kappa = 1;                  ///< multiplies all effects on treatment; 0 is a randomised trial
  double hidden_on_treatment = 0.5;  ///< lambda_U
  dim_t treatment_key_genes = 0;     ///< that many key genes change the treatment decision
  double treatment_gene_effect = 0.6;
  std::optional<double>
      treated_share;  ///< average P(T = 1), which replaces the intercept -1.60; 0.49 if kappa is not 1

  double key_scale = 1;              ///< multiplies gamma
  double hidden_on_survival = 0.06;  ///< theta_U
  double sigma = 0.118;
  Noise noise = Noise::kNormal;

  Censoring censoring = Censoring::kShift;
  double censoring_rate = 0.109;
  double censoring_shift = 9;
  bool redraw_negative_times = false;  ///< draws the shift again until the time is positive
  double censoring_spread = 0.6;       ///< standard deviation of the log of the censoring time
  double time_grid = 0;                ///< rounds times to multiples of this (0: not), which makes ties
  double left_over_bias = 0;           ///< probability that a treated patient in the worst clinical quarter is left out
};

/// The nine scenarios of 2.2: "H", "R", "C", "D", "W", "S", "L", "N", "X". Throws UsageError for another name.
SimulatorSettings scenario(const std::string& name);

/// All scenario names, in the order of 2.2.
const std::vector<std::string>& scenario_names();

/// What is true of a simulated cohort. Genes are column indices; vectors over patients are in the order of the input
/// rows (index them with Cohort::row).
struct SimulationTruth {
  std::uint64_t seed = 0;
  SimulatorSettings settings;
  std::vector<dim_t> key;                 ///< genes that change the treatment's effect; none if key_scale is 0
  std::vector<double> key_effect;         ///< gamma: log time a key gene adds under treatment
  std::vector<dim_t> prognostic;          ///< genes that change survival only
  std::vector<double> prognostic_effect;  ///< delta
  std::vector<dim_t> decoy, decoy_of;     ///< decoy genes and the key gene each copies
  std::vector<std::vector<dim_t>> clinical_parents;  ///< of Var1..Var6
  std::vector<dim_t> treatment_genes;                ///< genes in the treatment decision
  std::vector<dim_t> hidden_leak_genes;
  double treatment_intercept = 0;
  std::vector<double> gene_frequency;     ///< f_j
  std::vector<double> individual_effect;  ///< log time that treatment would add to this patient
  std::vector<double> propensity;         ///< P(T = 1)
  std::vector<double> hidden;             ///< U
  std::vector<double> uncensored_time;    ///< Y
};

/// A cohort and its truth.
struct SimulatedCohort {
  Cohort cohort;
  SimulationTruth truth;
};

/// Simulates. Throws UsageError for settings out of range: too few genes for the roles, frequencies or rates outside
/// (0, 1), sizes below 2.
SimulatedCohort simulate(const SimulatorSettings& settings, std::uint64_t seed);

/// The truth as one JSON object (keys as in the struct; genes by name).
std::string truth_json(const SimulatedCohort& simulated);

/// Writes the four CSV files and truth.json. Throws IoError.
void save_simulation(const SimulatedCohort& simulated, const std::filesystem::path& folder);

}  // namespace engram::genes
