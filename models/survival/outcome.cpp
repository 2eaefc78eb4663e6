#include "models/survival/outcome.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"

namespace engram::survival {
namespace {

template <class T>
void check_length(const char* what, const std::vector<T>& values, dim_t rows) {
  if (values.empty() || dim_t(values.size()) == rows) return;
  throw ShapeError(message("[survival] expected ", rows, " values of ", what, " (as of time), got ", values.size()));
}

void check_finite(const char* what, const std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw DataError(message("[survival] expected a finite ", what, ", got ", values[i], " at row ", i));
    }
  }
}

void check_row(dim_t row, dim_t rows) {
  if (row >= 0 && row < rows) return;
  throw UsageError(message("[survival] expected rows in 0 to ", rows - 1, ", got ", row));
}

template <class T>
std::vector<T> pick(const std::vector<T>& values, std::span<const dim_t> rows) {
  std::vector<T> picked;
  if (values.empty()) return picked;
  picked.reserve(rows.size());
  for (dim_t row : rows) picked.push_back(values[std::size_t(row)]);
  return picked;
}

}  // namespace

dim_t SurvivalOutcome::num_events() const {
  return std::count_if(event.begin(), event.end(), [](std::uint8_t e) { return e != 0; });
}

SurvivalOutcome SurvivalOutcome::select(std::span<const dim_t> rows) const {
  for (dim_t row : rows) check_row(row, this->rows());
  return {pick(time, rows),   pick(event, rows),  pick(entry, rows),
          pick(weight, rows), pick(offset, rows), pick(stratum, rows)};
}

void check_outcome(const SurvivalOutcome& outcome) {
  const dim_t rows = outcome.rows();
  if (rows == 0) throw DataError("[survival] expected at least one patient, got none");
  if (rows > INT32_MAX) throw ShapeError(message("[survival] expected at most 2147483647 patients, got ", rows));
  if (dim_t(outcome.event.size()) != rows) {
    throw ShapeError(
        message("[survival] expected ", rows, " values of event (as of time), got ", outcome.event.size()));
  }
  check_length("entry", outcome.entry, rows);
  check_length("weight", outcome.weight, rows);
  check_length("offset", outcome.offset, rows);
  check_length("stratum", outcome.stratum, rows);
  check_finite("time", outcome.time);
  check_finite("entry time", outcome.entry);
  check_finite("weight", outcome.weight);
  check_finite("offset", outcome.offset);
  for (dim_t i = 0; i < rows; ++i) {
    if (outcome.event[i] > 1) {
      throw DataError(message("[survival] expected event 0 or 1, got ", int(outcome.event[i]), " at row ", i));
    }
    if (!outcome.entry.empty() && outcome.entry[i] >= outcome.time[i]) {
      throw DataError(message("[survival] expected entry before time, got entry ", outcome.entry[i], " and time ",
                              outcome.time[i], " at row ", i));
    }
    if (!outcome.weight.empty() && outcome.weight[i] < 0) {
      throw DataError(message("[survival] expected weights >= 0, got ", outcome.weight[i], " at row ", i));
    }
  }
  const auto positive = [](double w) { return w > 0; };
  if (!outcome.weight.empty() && std::none_of(outcome.weight.begin(), outcome.weight.end(), positive)) {
    throw DataError("[survival] expected some weight above 0, got all 0");
  }
}

void CovariateMatrix::add(std::string name, std::span<const double> values) {
  if (dim_t(values.size()) != rows_) {
    throw ShapeError(message("[survival] expected ", rows_, " values of ", name, ", got ", values.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw DataError(message("[survival] expected finite values of ", name, ", got ", values[i], " at row ", i));
    }
  }
  names_.push_back(std::move(name));
  values_.insert(values_.end(), values.begin(), values.end());
}

CovariateMatrix CovariateMatrix::select(std::span<const dim_t> rows) const {
  for (dim_t row : rows) check_row(row, rows_);
  CovariateMatrix picked(dim_t(rows.size()));
  picked.names_ = names_;
  picked.values_.reserve(std::size_t(columns()) * rows.size());
  for (dim_t j = 0; j < columns(); ++j) {
    const std::span<const double> source = column(j);
    for (dim_t row : rows) picked.values_.push_back(source[std::size_t(row)]);
  }
  return picked;
}

}  // namespace engram::survival
