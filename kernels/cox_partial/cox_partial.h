#pragma once
/// Cox's log partial likelihood over sorted risk sets: value, derivatives, residuals (docs/methods/genes.md, "Cox
/// model"; Efron 1977, Breslow 1974). Double precision, host memory, one thread: fits run in parallel, not their parts.

#include "kernels/common/cost.h"
#include "kernels/common/cox_ties.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// One distinct event time t of one stratum. Rows are sorted by (stratum, time descending, events before others), so
/// those observed until t or longer are [stratum_begin, risk_end); of these, the rows at positions [stratum_begin,
/// entry_end) of CoxRiskSets::entry_order entered at t or later and are not at risk.
struct CoxTieGroup {
  std::int32_t stratum_begin = 0;
  std::int32_t death_begin = 0, deaths = 0;  ///< rows of the events of weight above 0, at least one
  std::int32_t risk_end = 0;
  std::int32_t entry_end = 0;  ///< stratum_begin if there are no entry times
};

/// The sorted data that do not change from fit to fit. Groups follow the rows: by stratum, latest time first.
struct CoxRiskSets {
  dim_t rows = 0;
  const std::uint8_t* event = nullptr;  ///< [rows]
  const double* weight = nullptr;       ///< [rows]
  const CoxTieGroup* groups = nullptr;
  dim_t num_groups = 0;
  /// [rows], or null without entry times: the rows of each stratum by entry time, latest first.
  const std::int32_t* entry_order = nullptr;
};

/// Sums of one tie group; thetas are relative to exp(shift). With n deaths of total weight W, phi_l = s0 - (l/n) a0
/// (Breslow: s0), l = 0 ... n - 1.
struct CoxGroupSums {
  double shift = 0;         ///< largest eta of the stratum's rows of weight above 0
  double s0 = 0;            ///< sum of theta over the risk set
  double a0 = 0;            ///< sum of theta over the deaths
  double death_weight = 0;  ///< W
  double hazard = 0;        ///< W/n sum over l of 1/phi_l
  double death_hazard = 0;  ///< W/n sum over l of (1 - l/n)/phi_l: what a death of the group itself receives
};

/// theta_i = weight_i exp(eta_i - shift), and from it the value and its derivative by eta. `residual` and `exposure`
/// may both be null: then only theta, the value and the sums s0, a0, death_weight are made.
struct CoxLikelihoodArgs {
  CoxRiskSets sets;
  CoxTies ties;
  const double* eta;     ///< [rows]
  double* theta;         ///< [rows]
  CoxGroupSums* groups;  ///< [num_groups]
  double* residual;      ///< [rows]: dl/deta_i = weight_i event_i - exposure_i
  double* exposure;      ///< [rows]: theta_i times the cumulative hazard it is exposed to
  double* loglik;        ///< not finite if eta is too spread for a risk set's sum
};

/// Diagonal of the second derivative by eta, from what `likelihood` left: the weights of penalised least squares.
struct CoxCurvatureArgs {
  CoxRiskSets sets;
  CoxTies ties;
  const double* theta;
  const double* exposure;
  const CoxGroupSums* groups;
  double* curvature;  ///< [rows]: -d2l/deta_i2 = exposure_i - theta_i^2 (sum over exposed groups of W/n sum_l 1/phi^2)
};

/// Information matrix sum_k (W/n) sum_l [S2/phi - m m'] of the columns of `panel`, from what `likelihood` left.
struct CoxInformationArgs {
  CoxRiskSets sets;
  CoxTies ties;
  const double* panel;  ///< [rows, stride], columns beyond the used ones zero
  dim_t stride;         ///< multiple of 8
  const double* theta;
  const double* exposure;
  const CoxGroupSums* groups;
  double* information;  ///< [stride, stride], both triangles
  double* magnitude;  ///< [stride]: the diagonal before the means are subtracted, the yardstick of its rounding errors
  double* workspace;  ///< cox_information_workspace(stride) doubles
};

/// Score residuals of every row, from what `likelihood` left. Unweighted: times weight_i they sum to the score.
struct CoxScoreResidualArgs {
  CoxRiskSets sets;
  CoxTies ties;
  const double* panel;
  dim_t stride;
  const double* eta;
  const double* theta;
  const CoxGroupSums* groups;
  double* score_residual;  ///< [rows, stride]
  double* risk_mean;       ///< [num_groups, stride]: mean over l of the risk-set means m_l
  double* hazard;          ///< [rows]: cumulative hazard that the row is exposed to, per unit of exp(eta - shift)
  double* workspace;       ///< cox_score_residual_workspace(num_groups, stride) doubles
};

/// Half the derivative of log det I by the coefficients (Firth's penalty), given V = I^-1.
struct CoxFirthArgs {
  CoxRiskSets sets;
  CoxTies ties;
  const double* panel;
  dim_t columns, stride;
  const double* theta;
  const CoxGroupSums* groups;
  const double* inverse;  ///< [stride, stride]: V
  double* gradient;       ///< [columns]
  double* workspace;      ///< cox_firth_workspace(columns) doubles
};

/// Entry points of one back end. Same bits for the same input, always.
struct CoxPartialKernels {
  void (*likelihood)(Stream, const CoxLikelihoodArgs&);
  void (*curvature)(Stream, const CoxCurvatureArgs&);
  void (*information)(Stream, const CoxInformationArgs&);
  void (*score_residuals)(Stream, const CoxScoreResidualArgs&);
  void (*firth)(Stream, const CoxFirthArgs&);
};

/// Doubles that CoxInformationArgs::workspace needs.
dim_t cox_information_workspace(dim_t stride);
/// Doubles that CoxScoreResidualArgs::workspace needs.
dim_t cox_score_residual_workspace(dim_t num_groups, dim_t stride);
/// Doubles that CoxFirthArgs::workspace needs.
dim_t cox_firth_workspace(dim_t columns);

/// eta, weight and event read, theta, residual and exposure written; about 20 operations a row for the exponential.
Cost cox_likelihood_cost(dim_t rows, dim_t num_groups);
/// Panel read once; a row's share of the triangle once for S2 and once for each death's mean.
Cost cox_information_cost(dim_t rows, dim_t num_events, dim_t columns);

/// The CPU back end.
extern const CoxPartialKernels kCpuCoxPartial;

/// The oracle of the tests: the definition, risk set by risk set, in time rows x groups.
namespace reference {
/// Value, gradient [columns] and information [columns, columns] of the coefficients of `panel` at `eta`.
double cox_partial(const CoxRiskSets& sets, CoxTies ties, const double* eta, const double* panel, dim_t columns,
                   dim_t stride, double* score, double* information);
/// Unweighted score residuals [rows, columns].
void cox_score_residuals(const CoxRiskSets& sets, CoxTies ties, const double* eta, const double* panel, dim_t columns,
                         dim_t stride, double* score_residual);
}  // namespace reference

}  // namespace engram::kernels
