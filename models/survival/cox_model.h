#pragma once
/// Cox proportional hazards regression: the fit itself, for any subset of a design's columns.

#include <span>
#include <vector>

#include "models/survival/newton.h"
#include "models/survival/probability.h"
#include "models/survival/survival_design.h"

namespace engram::survival {

using kernels::CoxTies;

struct CoxOptions {
  CoxTies ties = CoxTies::kEfron;
  NewtonControl newton = {};
  bool firth = false;  ///< maximise l + 0.5 log det I (Firth 1993; Heinze and Schemper 2001): finite under separation
};

/// Memory of one fit, reused from fit to fit: it grows to the largest problem seen, then only Firth fits allocate. One
/// thread at a time. After a fit it holds the result.
class CoxScratch {
 public:
  /// Of the last fit, in the order of its `columns` and in the covariates' units. 0 where aliased.
  std::span<const double> coefficients() const { return {coefficients_.data(), std::size_t(newton_.n)}; }
  /// 1 where a column is determined by those before it.
  std::span<const std::uint8_t> aliased() const { return {newton_.aliased.data(), std::size_t(newton_.n)}; }
  /// 1 where the likelihood rises without end.
  std::span<const std::uint8_t> infinite() const { return {newton_.infinite.data(), std::size_t(newton_.n)}; }

 private:
  friend class CoxModel;
  friend class CoxProblem;

  NewtonState newton_;
  std::vector<const double*> sources_;                     // [columns]
  std::vector<double> panel_;                              // [rows, stride] standardised columns
  std::vector<double> eta_, theta_, residual_, exposure_;  // [rows]
  std::vector<kernels::CoxGroupSums> groups_;
  std::vector<double> workspace_, coefficients_;
};

/// Fits over one design. Cheap to copy; holds a reference to the design, which must outlive it. All functions are
/// const, run on the calling thread alone and give the same bits whatever other threads do.
class CoxModel {
 public:
  /// Throws UsageError for options that make no sense.
  explicit CoxModel(const SurvivalDesign& design, const CoxOptions& options = {});

  const SurvivalDesign& design() const { return *design_; }
  const CoxOptions& options() const { return options_; }
  /// Log partial likelihood with all coefficients 0.
  double loglik_null() const { return loglik_null_; }

  /// Maximises the log partial likelihood over the coefficients of `columns` (no column: the null likelihood), starting
  /// at `start` (one value a column, in the covariates' units; empty, or worse than the null model: zeros). The result
  /// lies in `scratch`.
  /// Newton with step halving (docs/methods/genes.md, "Cox model"). Throws UsageError for columns that do not exist or
  /// a start of the wrong length; nothing about the data throws: see FitStatus.
  FitStatus fit(std::span<const dim_t> columns, std::span<const double> start, CoxScratch& scratch) const;

  /// Log partial likelihood at given coefficients (never penalised).
  double loglik(std::span<const dim_t> columns, std::span<const double> coefficients, CoxScratch& scratch) const;

  /// Log partial likelihood, score U [k] and information I [k, k] (row-major) at given coefficients, in the covariates'
  /// units. `score` and `information` may be empty.
  double derivatives(std::span<const dim_t> columns, std::span<const double> coefficients, std::span<double> score,
                     std::span<double> information, CoxScratch& scratch) const;

  /// Inverse of the information [k, k] at given coefficients, of the columns that the fit did not call `aliased` ([k],
  /// a copy: the scratch is overwritten). Rows and columns of those are 0, and those of columns whose information has
  /// vanished there (infinite coefficients).
  void covariance(std::span<const dim_t> columns, std::span<const double> coefficients,
                  std::span<const std::uint8_t> aliased, std::span<double> covariance, CoxScratch& scratch) const;

  /// Rao's score test of all `columns` at `coefficients`, usually a null fit padded with zeros: U' I^-1 U, df = columns
  /// that are not aliased minus `fitted` (the number of columns whose coefficients were maximised).
  ChiSquareTest score_test(std::span<const dim_t> columns, std::span<const double> coefficients, dim_t fitted,
                           CoxScratch& scratch) const;

 private:
  const SurvivalDesign* design_;
  CoxOptions options_;
  double loglik_null_ = 0;
};

}  // namespace engram::survival
