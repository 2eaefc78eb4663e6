#pragma once
/// Columns of covariates in the units in which all fits work: centred, divided by their standard deviation.

#include <span>
#include <vector>

#include "models/survival/outcome.h"

namespace engram::survival {

/// A constant column is stored as zeros with scale 1, so that every model finds it aliased.
class StandardizedColumns {
 public:
  StandardizedColumns() = default;
  /// Row i of the result is row order[i] of the covariates; no order: as they come. Mean, deviation and span are those
  /// of the rows whose `weight` (as the covariates; none: all) is not 0, so that patients who do not count cannot spoil
  /// the scale. Throws DataError for values beyond 1e100, and for ones that differ by less than 1e-100: squares of
  /// these units and of one over them would be no doubles.
  explicit StandardizedColumns(const CovariateMatrix& covariates, std::span<const dim_t> order = {},
                               std::span<const double> weight = {});

  dim_t rows() const { return rows_; }
  dim_t columns() const { return dim_t(mean_.size()); }
  const double* column(dim_t j) const { return values_.data() + j * rows_; }
  double mean(dim_t j) const { return mean_[std::size_t(j)]; }
  /// Standard deviation with 1/n; 1 for a constant column.
  double scale(dim_t j) const { return scale_[std::size_t(j)]; }
  /// Largest minus smallest standardised value; 0 for a constant column alone.
  double span(dim_t j) const { return span_[std::size_t(j)]; }
  /// Only values -1, 0 and 1.
  bool is_indicator(dim_t j) const { return indicator_[std::size_t(j)] != 0; }

 private:
  dim_t rows_ = 0;
  std::vector<double> values_, mean_, scale_, span_;
  std::vector<std::uint8_t> indicator_;
};

/// Covariance [n, n] of an intercept (parameter 0) and other parameters, from standardised to covariate units, in
/// place. Parameter j has b_j = beta_j / scale[j], and the intercept loses sum mean[j] b_j; mean 0 and scale 1 for what
/// is no column.
void covariance_to_covariate_units(std::span<const double> mean, std::span<const double> scale,
                                   std::span<double> covariance);

}  // namespace engram::survival
