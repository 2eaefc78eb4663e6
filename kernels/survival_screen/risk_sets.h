#pragma once
/// What the screens need to know of a cohort before they see a gene; made on the host, in double.

#include <cstdint>
#include <vector>

#include "kernels/survival_screen/survival_screen.h"

namespace engram::kernels {

/// Owner of a RiskSetView.
struct RiskSets {
  std::vector<std::int32_t> first_group, group_end, group_terms;
  std::vector<double> term_fraction, term_weight, weight;
  std::vector<std::uint8_t> event;

  /// Valid while this object lives unchanged.
  RiskSetView view() const;
};

/// Groups the deaths of patients in risk order (time descending, deaths before censored at equal times). `weight`: case
/// weights, null for 1.
RiskSets make_risk_sets(const double* time, const std::uint8_t* event, const double* weight, dim_t patients,
                        CoxTies ties);

/// Owner of what a score screen reads of its null model.
struct ScorePanel {
  ScorePanel() = default;
  ScorePanel(ScorePanel&&) = default;
  ScorePanel& operator=(ScorePanel&&) = default;

  std::vector<double> storage;
  double* rows = nullptr;  ///< [patients, width] within storage, 64-byte aligned
  dim_t patients = 0, width = 0;
  std::vector<std::int32_t> tied_group, first_group;
  std::vector<double> tie_cross, tie_square;

  /// Arguments of a screen that writes `stats` [genes, kNumScoreStatistics].
  ScoreScreenArgs args(const GeneView& genes, double* stats) const;
};

/// Panel of a Cox null model with the linear predictor `eta` [patients]. `covariates` [num_covariates, patients], best
/// centred, are those whose estimation the scores' information allows for; a covariate that the others explain
/// (relative pivot below 1e-12) is left out. Formulas: docs/methods/genes.md, "Cox model" and "Screens", in the Efron
/// form, of which Breslow's is the case of fraction 0.
ScorePanel make_cox_panel(const RiskSets& risk, const double* covariates, dim_t num_covariates, const double* eta,
                          const std::uint8_t* treatment);

/// Panel of a parametric null model, from each patient's derivative u of the log-likelihood by the linear predictor and
/// its negative second derivative w (3.5). `covariates` include the constant.
ScorePanel make_parametric_panel(const double* u, const double* w, const double* covariates, dim_t num_covariates,
                                 const std::uint8_t* treatment, dim_t patients);

}  // namespace engram::kernels
