#pragma once
/// Outcome and covariates prepared once (sorted, standardised), for many fits of subsets of the columns.

#include <string>
#include <vector>

#include "kernels/cox_partial/cox_partial.h"
#include "models/survival/standardized_columns.h"

namespace engram::survival {

/// Immutable after construction; any number of fits may read it at the same time.
///
/// A patient of weight 0 counts as absent: a death of weight 0 makes no risk set and no tie.
///
/// Rows are sorted by (stratum, time descending, deaths before the others) and columns are stored centred and divided
/// by their standard deviation (1/n), in which units all fits work. A constant column is stored as zeros, so that every
/// model finds it aliased. Coefficients go in and come out in the units of the covariates given.
class SurvivalDesign {
 public:
  /// Checks (check_outcome; ShapeError if the covariates have another number of rows), sorts and standardises.
  SurvivalDesign(const SurvivalOutcome& outcome, const CovariateMatrix& covariates);

  dim_t rows() const { return rows_; }
  dim_t columns() const { return dim_t(names_.size()); }
  dim_t num_events() const { return num_events_; }  ///< of weight above 0
  dim_t num_strata() const { return num_strata_; }
  bool has_entry() const { return !entry_.empty(); }
  const std::vector<std::string>& names() const { return names_; }

  /// Patient (row of the outcome given) at each sorted position.
  const std::vector<dim_t>& order() const { return order_; }

  // In sorted order.
  const std::vector<double>& time() const { return time_; }
  const std::vector<std::uint8_t>& event() const { return event_; }
  const std::vector<double>& entry() const { return entry_; }            ///< empty if all enter at minus infinity
  const std::vector<double>& weight() const { return weight_; }          ///< ones if none were given
  const std::vector<double>& offset() const { return offset_; }          ///< zeros if none were given
  const std::vector<std::int32_t>& stratum() const { return stratum_; }  ///< 0, 1, ... in sorted order
  double mean_weight() const;
  /// Largest minus smallest of `values` (in sorted order) among the patients of one stratum whose weight is not 0; of
  /// all strata the largest such difference.
  double largest_spread(const std::vector<double>& values) const;
  /// The label that was given for stratum `s`.
  std::int32_t stratum_label(dim_t s) const { return stratum_labels_[std::size_t(s)]; }

  /// Column j, standardised, sorted.
  const double* standardized(dim_t j) const { return covariates_.column(j); }
  double mean(dim_t j) const { return covariates_.mean(j); }
  /// Standard deviation with 1/n; 1 for a constant column.
  double scale(dim_t j) const { return covariates_.scale(j); }
  /// Largest minus smallest standardised value; 0 for a constant column alone.
  double span(dim_t j) const { return covariates_.span(j); }
  /// Value in the units given, of sorted row i.
  double value(dim_t i, dim_t j) const { return mean(j) + scale(j) * standardized(j)[i]; }
  /// What R subtracts in its linear predictor: the mean, or 0 for a column of -1, 0 and 1 alone.
  double reported_mean(dim_t j) const { return covariates_.is_indicator(j) ? 0 : mean(j); }

  /// Tie groups and risk sets as the kernels take them; points into this object.
  const kernels::CoxRiskSets& risk_sets() const { return risk_sets_; }

  /// Throws UsageError if one of `columns` is not a column here.
  void check_columns(std::span<const dim_t> columns) const;
  /// 0, 1, ..., columns() - 1.
  std::vector<dim_t> all_columns() const;

  SurvivalDesign(const SurvivalDesign&) = delete;
  SurvivalDesign& operator=(const SurvivalDesign&) = delete;

 private:
  void sort_rows(const SurvivalOutcome& outcome);
  void find_risk_sets();
  void find_entries();

  dim_t rows_ = 0, num_events_ = 0, num_strata_ = 0;
  std::vector<std::string> names_;
  std::vector<dim_t> order_;
  std::vector<double> time_, entry_, weight_, offset_;
  std::vector<std::uint8_t> event_;
  std::vector<std::int32_t> stratum_, stratum_labels_;
  StandardizedColumns covariates_;
  std::vector<kernels::CoxTieGroup> groups_;
  std::vector<std::int32_t> entry_order_;
  kernels::CoxRiskSets risk_sets_{};
};

}  // namespace engram::survival
