#pragma once
/// Censored survival times, one entry a patient, and the columns of covariates that go with them.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/common/types.h"

namespace engram::survival {

/// What was observed, in any order of patients. Every optional vector is empty or as long as `time`.
/// Equal times are ties; times are compared exactly. A negative time is an ordinary value (Cox and the rank-based
/// methods use the order alone); models of log time refuse it.
struct SurvivalOutcome {
  std::vector<double> time = {};         ///< end of observation
  std::vector<std::uint8_t> event = {};  ///< 1: the event happened at `time`; 0: censored there
  std::vector<double> entry = {};        ///< optional: start of observation (left truncation); at risk in (entry, time]
  std::vector<double> weight = {};       ///< optional: case weights, >= 0
  std::vector<double> offset = {};       ///< optional: known part of the linear predictor
  std::vector<std::int32_t> stratum = {};  ///< optional: Cox stratum, any integers

  dim_t rows() const { return dim_t(time.size()); }
  dim_t num_events() const;
  /// The patients `rows`, in that order (repetition allowed). Throws UsageError for a row out of range.
  SurvivalOutcome select(std::span<const dim_t> rows) const;
};

/// Throws ShapeError for vectors of different length and DataError (which names the row, counted from 0) for no
/// patients, values that are not finite, events other than 0 and 1, negative weights, all weights zero, and entry >=
/// time. No events at all is allowed: a Cox fit then has every column aliased, as in R.
void check_outcome(const SurvivalOutcome& outcome);

/// Named columns of covariates, column-major: column j is values()[j * rows() ... (j + 1) * rows()).
class CovariateMatrix {
 public:
  /// No columns yet, each of `rows` patients.
  explicit CovariateMatrix(dim_t rows) : rows_(rows) {}

  /// Appends a column. Throws ShapeError for a wrong length, DataError (which names column and row) for a value that is
  /// not finite.
  void add(std::string name, std::span<const double> values);
  /// Reserves memory for `columns` columns in all.
  void reserve(dim_t columns) { values_.reserve(std::size_t(columns * rows_)); }

  dim_t rows() const { return rows_; }
  dim_t columns() const { return dim_t(names_.size()); }
  const std::vector<std::string>& names() const { return names_; }
  const std::vector<double>& values() const { return values_; }
  std::span<const double> column(dim_t j) const { return {values_.data() + j * rows_, std::size_t(rows_)}; }

  /// The patients `rows`, in that order (repetition allowed). Throws UsageError for a row out of range.
  CovariateMatrix select(std::span<const dim_t> rows) const;

 private:
  dim_t rows_;
  std::vector<std::string> names_;
  std::vector<double> values_;
};

}  // namespace engram::survival
