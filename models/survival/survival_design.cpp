#include "models/survival/survival_design.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/common/error.h"

namespace engram::survival {
namespace {

template <class T>
std::vector<T> permuted(const std::vector<T>& values, const std::vector<dim_t>& order) {
  std::vector<T> result;
  result.reserve(order.size());
  for (dim_t row : order) result.push_back(values[std::size_t(row)]);
  return result;
}

}  // namespace

SurvivalDesign::SurvivalDesign(const SurvivalOutcome& outcome, const CovariateMatrix& covariates) {
  check_outcome(outcome);
  if (covariates.rows() != outcome.rows()) {
    throw ShapeError(
        message("[survival] expected ", outcome.rows(), " rows of covariates (as of time), got ", covariates.rows()));
  }
  rows_ = outcome.rows();
  names_ = covariates.names();
  sort_rows(outcome);
  find_risk_sets();
  covariates_ = StandardizedColumns(covariates, order_, outcome.weight);
}

void SurvivalDesign::sort_rows(const SurvivalOutcome& outcome) {
  order_.resize(std::size_t(rows_));
  std::iota(order_.begin(), order_.end(), dim_t(0));
  const bool strata = !outcome.stratum.empty();
  const auto dies = [&](dim_t i) { return outcome.event[i] != 0 && (outcome.weight.empty() || outcome.weight[i] > 0); };
  std::stable_sort(order_.begin(), order_.end(), [&](dim_t a, dim_t b) {
    if (strata && outcome.stratum[a] != outcome.stratum[b]) return outcome.stratum[a] < outcome.stratum[b];
    if (outcome.time[a] != outcome.time[b]) return outcome.time[a] > outcome.time[b];
    return dies(a) && !dies(b);
  });
  time_ = permuted(outcome.time, order_);
  event_ = permuted(outcome.event, order_);
  if (!outcome.entry.empty()) entry_ = permuted(outcome.entry, order_);
  weight_ = outcome.weight.empty() ? std::vector<double>(order_.size(), 1.) : permuted(outcome.weight, order_);
  offset_ = outcome.offset.empty() ? std::vector<double>(order_.size(), 0.) : permuted(outcome.offset, order_);
  stratum_.resize(order_.size());
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const std::int32_t label = strata ? outcome.stratum[std::size_t(order_[i])] : 0;
    if (stratum_labels_.empty() || stratum_labels_.back() != label) stratum_labels_.push_back(label);
    stratum_[i] = std::int32_t(stratum_labels_.size()) - 1;
  }
  num_strata_ = dim_t(stratum_labels_.size());
  num_events_ = std::count_if(order_.begin(), order_.end(), dies);
}

void SurvivalDesign::find_risk_sets() {
  std::int32_t stratum_begin = 0;
  for (std::int32_t i = 0; i < rows_;) {
    if (stratum_[i] != stratum_[stratum_begin]) stratum_begin = i;
    std::int32_t end = i, deaths = 0;
    while (end < rows_ && stratum_[end] == stratum_[i] && time_[end] == time_[i]) {
      deaths += event_[end] && weight_[end] > 0;
      ++end;
    }
    if (deaths > 0) {
      groups_.push_back({.stratum_begin = stratum_begin,
                         .death_begin = i,
                         .deaths = deaths,
                         .risk_end = end,
                         .entry_end = stratum_begin});
    }
    i = end;
  }
  if (!entry_.empty()) find_entries();
  risk_sets_ = {.rows = rows_,
                .event = event_.data(),
                .weight = weight_.data(),
                .groups = groups_.data(),
                .num_groups = dim_t(groups_.size()),
                .entry_order = entry_order_.empty() ? nullptr : entry_order_.data()};
}

void SurvivalDesign::find_entries() {
  entry_order_.resize(std::size_t(rows_));
  std::iota(entry_order_.begin(), entry_order_.end(), 0);
  std::stable_sort(entry_order_.begin(), entry_order_.end(), [&](std::int32_t a, std::int32_t b) {
    if (stratum_[a] != stratum_[b]) return stratum_[a] < stratum_[b];
    return entry_[a] > entry_[b];
  });
  std::int32_t next = 0;
  for (kernels::CoxTieGroup& group : groups_) {
    next = std::max(next, group.stratum_begin);
    const double time = time_[group.death_begin];
    while (next < rows_ && stratum_[entry_order_[next]] == stratum_[group.death_begin] &&
           entry_[entry_order_[next]] >= time) {
      ++next;
    }
    group.entry_end = next;
  }
}

double SurvivalDesign::mean_weight() const {
  return std::accumulate(weight_.begin(), weight_.end(), 0.) / double(rows_);
}

double SurvivalDesign::largest_spread(const std::vector<double>& values) const {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  double spread = 0, low = kNone, high = -kNone;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    if (i > 0 && stratum_[i] != stratum_[i - 1]) low = kNone, high = -kNone;
    if (weight_[i] == 0) continue;
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
    spread = std::max(spread, high - low);
  }
  return spread;
}

void SurvivalDesign::check_columns(std::span<const dim_t> columns) const {
  for (dim_t column : columns) {
    if (column >= 0 && column < this->columns()) continue;
    throw UsageError(message("[survival] expected columns in 0 to ", this->columns() - 1, ", got ", column));
  }
}

std::vector<dim_t> SurvivalDesign::all_columns() const {
  std::vector<dim_t> all(names_.size());
  std::iota(all.begin(), all.end(), dim_t(0));
  return all;
}

}  // namespace engram::survival
