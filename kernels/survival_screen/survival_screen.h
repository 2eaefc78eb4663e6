#pragma once
/// Tests and fits of one survival model for each of many binary genes, over sorted risk sets with prefix sums.
///
/// Patients stand in risk order: latest time first, so that the patients at risk at a death are a prefix. Formulas are
/// those of docs/methods/genes.md, "Notation" to "Screens"; sums are in double. Three entry points: the score
/// statistics of (g, g x treatment) at a fitted null model, which touch carriers only; Newton for the models of g,
/// treatment and their product, for which the patients at risk in the four cells (g, treatment) suffice; and Newton
/// with any further covariates, eight genes side by side. Each gene's result depends on that gene only: not on threads,
/// on neighbours, or on which genes are asked for. (The cost functions read the gene view on the host.)

#include "kernels/common/cost.h"
#include "kernels/common/cox_ties.h"
#include "kernels/common/stream.h"
#include "kernels/survival_screen/gene_view.h"

namespace engram::kernels {

/// The deaths of a cohort in risk order. Groups are the distinct times of death, latest first. A group with deaths of
/// weight W has, with Breslow's ties, one term (fraction 0, weight W); with Efron's, n terms for its n deaths
/// (fractions 0 to (n - 1) / n, weight W / n). Built by make_risk_sets (kernels/survival_screen/risk_sets.h).
struct RiskSetView {
  dim_t patients, groups, terms;
  const std::int32_t* first_group;  ///< [patients] the first group that the patient is at risk in; `groups` if none
  const std::int32_t* group_end;    ///< [groups] the patients at risk are [0, group_end)
  const std::int32_t* group_terms;  ///< [groups + 1] the group's terms
  const double* term_fraction;      ///< [terms]
  const double* term_weight;        ///< [terms]
  const std::uint8_t* event;        ///< [patients]
  const double* weight;             ///< [patients] case weights
};

/// Columns of a score panel before the whitened covariates.
enum ScorePanelColumn : int {
  kPanelResidual,        ///< r: U_b = sum of b r
  kPanelOwnInformation,  ///< first part of the information of b with itself
  kPanelTheta,           ///< weight times hazard ratio
  kPanelRemaining,       ///< sum of W / S0^2 over the deaths at or before the patient's time
  kPanelTreatment,       ///< 1 or 0
  kPanelCovariates,      ///< first of q columns: L^-1 h, where I_ZZ = L L'
};

/// Score statistics of a gene: U of g and of g x treatment, and the lower triangle of their efficient information.
enum ScoreStatistic : int { kScoreG, kScoreGt, kInformationG, kInformationGGt, kInformationGt, kNumScoreStatistics };

/// stats[j] = score statistics of gene j at the null model that the panel describes.
struct ScoreScreenArgs {
  GeneView genes;
  const double* panel;  ///< [patients, width], a row a patient: ScorePanelColumn, q covariates, zeros
  dim_t width;          ///< a multiple of 8, at most kMaxPanelWidth
  // Efron's ties only (null: none): corrections of groups with several deaths.
  const std::int32_t* tied_group;  ///< [patients] the group of a death in a group of several deaths, else -1
  const std::int32_t* first_group;
  const double* tie_cross;   ///< [groups] sum over terms of weight * fraction / phi^2
  const double* tie_square;  ///< [groups] sum over terms of weight * fraction^2 / phi^2
  double* stats;             ///< [genes, kNumScoreStatistics]
};
inline constexpr dim_t kMaxPanelWidth = 128;

/// Why an iteration ended.
enum class NewtonStatus : std::int32_t {
  kConverged,
  kSeparated,     ///< converged in likelihood while an estimate runs away
  kNotConverged,  ///< max_iterations, or no step that does not lower the likelihood
};

/// Settings of Newton's method.
struct NewtonRule {
  /// Ends when the squared length of the step in the metric of the information (the Newton decrement, about twice the
  /// log-likelihood still to gain) is at most this; that step is still taken, but not evaluated.
  double tolerance = 1e-9;
  int max_iterations = 30;
};

/// Parameters of the four-cell model, as bits of CellScreenArgs::free.
enum CellParameter : unsigned { kCellGene = 1, kCellTreatment = 2, kCellProduct = 4 };

/// Fit of the four-cell model. A coefficient that is not free, or not estimable, is its start value with standard error
/// 0.
struct CellFit {
  double coef[3], se[3];  ///< g, treatment, g x treatment
  double start_loglik, loglik;
  double score;  ///< score test at the start: U' I^-1 U
  std::int32_t iterations;
  unsigned estimable;  ///< bits of CellParameter
  NewtonStatus status;
};

/// fits[j]: Cox model of g, treatment and their product with the given offset, for every gene.
struct CellScreenArgs {
  GeneView genes;
  RiskSetView risk;
  const double* theta;            ///< [patients] weight times exp(offset)
  double offset_sum;              ///< sum over deaths of weight times offset
  const std::uint8_t* treatment;  ///< [patients]
  unsigned free;                  ///< which coefficients are estimated; the others keep their start value
  const double* start;            ///< [genes, 3] or null (zeros)
  NewtonRule rule;
  double* workspace;  ///< SurvivalScreenKernels::cell_workspace() doubles
  CellFit* fits;      ///< [genes]
};

/// Fit of a full model, without its coefficients.
struct FullFit {
  double start_loglik, loglik;
  double score;  ///< score test at the start
  std::int32_t iterations;
  NewtonStatus status;
};

/// Cox model of the covariates, g (gene_terms 1 or 2) and g x treatment (gene_terms 2), for the genes listed. A column
/// that those before it explain is not estimable. With
/// gene_terms 0 one fit of the covariates alone (num_listed 1).
struct FullScreenArgs {
  GeneView genes;
  RiskSetView risk;
  const double* covariates;  ///< [num_covariates, patients], centred
  dim_t num_covariates;      ///< at most kMaxFullCovariates
  const double* offset;      ///< [patients] or null
  const std::uint8_t* treatment;
  int gene_terms;
  const std::int32_t* listed;  ///< [num_listed] genes
  dim_t num_listed;
  const double* start;  ///< [num_listed, num_covariates + gene_terms], g and g x treatment last; null: zeros
  NewtonRule rule;
  double* workspace;  ///< SurvivalScreenKernels::full_workspace() doubles
  double* coef;       ///< [num_listed, num_covariates + gene_terms]
  double* se;         ///< likewise; 0 where a coefficient is not estimable (it then keeps its start value)
  FullFit* fits;      ///< [num_listed]
};
inline constexpr dim_t kMaxFullCovariates = 62;

/// Entry points of one back end. Results do not depend on the number of threads.
struct SurvivalScreenKernels {
  void (*score)(Stream, const ScoreScreenArgs&);
  void (*cells)(Stream, const CellScreenArgs&);
  void (*full)(Stream, const FullScreenArgs&);
  /// Doubles of workspace of `cells` for that many genes and of `full`, on the CPU at the current number of threads;
  /// may be 0. They read the extents only.
  dim_t (*cell_workspace)(const RiskSetView&, dim_t genes);
  dim_t (*full_workspace)(const RiskSetView&, dim_t coefficients);
};

/// Carriers' rows of the panel read, two multiply-adds for each of their values.
Cost score_screen_cost(const GeneView& genes, dim_t width);
/// `evaluations` passes over the terms with four cells each, for every gene.
Cost cell_screen_cost(const GeneView& genes, dim_t terms, dim_t evaluations);
/// `evaluations` of likelihood, gradient and information for one gene each.
Cost full_screen_cost(dim_t patients, dim_t terms, dim_t coefficients, dim_t evaluations);

/// The CPU back end.
extern const SurvivalScreenKernels kCpuSurvivalScreen;
/// The CUDA back end; defined where its kernels are linked. Sums are added in another order than on the CPU, the same
/// in every run.
extern const SurvivalScreenKernels kCudaSurvivalScreen;

/// Plain loops over every risk set: the oracle of the tests.
namespace reference {

/// Log partial likelihood, gradient [q] and information [q, q] of the design x [patients, q] at beta.
struct CoxDerivatives {
  double* gradient;
  double* information;
};
double cox_loglik(const RiskSetView& risk, const double* x, dim_t q, const double* offset, const double* beta,
                  const CoxDerivatives& out);

}  // namespace reference

}  // namespace engram::kernels
