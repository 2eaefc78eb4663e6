#pragma once
/// Fixed figures and steps of the simulator (docs/methods/genes.md, "Simulated cohorts").

#include "models/genes/portable_math.h"
#include "models/genes/simulator.h"

namespace engram::genes {

inline constexpr dim_t kNumKeyGenes = 10, kNumPrognosticGenes = 10;
inline constexpr int kNumClinical = 10, kNumDrivenClinical = 6;

/// gamma, delta, and the effects c on treatment and b on survival of Var1..Var10.
inline constexpr double kKeyEffect[] = {0.24, 0.22, 0.20, 0.20, 0.17, 0.15, 0.13, 0.13, 0.12, 0.10};
inline constexpr double kPrognosticEffect[] = {0.10, -0.12, -0.06, -0.015, 0.02, 0.05, -0.055, -0.045, -0.065, 0.075};
inline constexpr double kClinicalOnTreatment[] = {-0.065, 0.116, 0.174,  0.098, 0.062,
                                                  0.035,  0.041, -0.006, 0.079, -0.030};
inline constexpr double kClinicalOnSurvival[] = {0.119, -0.044, 0, -0.047, 0.039, 0.025, 0.059, 0.008, 0.050, -0.036};
inline constexpr double kTreatmentIntercept = -1.60, kRandomisedShare = 0.49;
inline constexpr double kSurvivalIntercept = 3.32, kTreatmentEffect = 0.03;
inline constexpr double kClinicalShape = 2.41, kClinicalScale = 1.19, kClinicalMax = 9;

/// Throws UsageError for settings out of range.
void check_settings(const SimulatorSettings& settings);

/// Chooses the genes' roles: fills key, prognostic, decoys, parents, treatment and leak genes of the truth.
void draw_roles(SimulationTruth& truth);

/// Draws frequencies (into the truth) and genes, in the order of the input.
GeneColumns draw_genes(SimulationTruth& truth);

/// Sum over k of weights[k] * G(i, columns[k]) for each patient i.
std::vector<double> weighted_carriers(const GeneColumns& genes, const std::vector<dim_t>& columns,
                                      const std::vector<double>& weights);

/// Times, events, and the truth's uncensored times, from the log of Y. `clinical_risk` is b.V, one value a patient.
void draw_follow_up(const std::vector<double>& log_time, const std::vector<double>& clinical_risk,
                    SimulationTruth& truth, Cohort& cohort);

}  // namespace engram::genes
