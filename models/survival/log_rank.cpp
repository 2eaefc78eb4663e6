#include <algorithm>
#include <numeric>

#include "kernels/common/error.h"
#include "kernels/dense_solve/dense_solve.h"
#include "models/survival/kaplan_meier.h"

namespace engram::survival {
namespace {

/// Observed and expected events of each group, and the covariance of observed - expected.
struct Sums {
  std::vector<double> observed, expected, variance;
};

/// Adds one event time: `deaths` and `at_risk` by group (hypergeometric moments).
void add_time(const std::vector<double>& deaths, const std::vector<double>& at_risk, Sums& sums) {
  const std::size_t groups = deaths.size();
  const double d = std::accumulate(deaths.begin(), deaths.end(), 0.);
  const double n = std::accumulate(at_risk.begin(), at_risk.end(), 0.);
  const double spread = n > 1 ? d * (n - d) / (n - 1) : 0;
  for (std::size_t a = 0; a < groups; ++a) {
    const double share = at_risk[a] / n;
    sums.observed[a] += deaths[a];
    sums.expected[a] += d * share;
    for (std::size_t b = 0; b < groups; ++b) {
      sums.variance[a * groups + b] += spread * share * (double(a == b) - at_risk[b] / n);
    }
  }
}

/// (O - E)' V^- (O - E); the last group to be told from the others drops out by itself.
ChiSquareTest test_of(const Sums& sums) {
  const auto groups = dim_t(sums.observed.size());
  std::vector<double> difference(sums.observed), magnitude(sums.observed), factor(sums.variance), solved(difference);
  std::vector<std::uint8_t> dropped(difference.size(), 0);
  for (dim_t g = 0; g < groups; ++g) {
    difference[g] -= sums.expected[g];
    magnitude[g] = sums.variance[g * groups + g];
  }
  ChiSquareTest test;
  dim_t num_dropped = 0;
  kernels::kCpuDenseSolve.cholesky({}, {.a = sums.variance.data(),
                                        .n = groups,
                                        .stride = groups,
                                        .magnitude = magnitude.data(),
                                        .tolerance = 1e-10,
                                        .factor = factor.data(),
                                        .aliased = dropped.data(),
                                        .num_aliased = &num_dropped});
  kernels::kCpuDenseSolve.solve({}, {.factor = factor.data(),
                                     .n = groups,
                                     .stride = groups,
                                     .aliased = dropped.data(),
                                     .b = difference.data(),
                                     .x = solved.data()});
  test.df = groups - num_dropped;
  for (dim_t g = 0; g < groups; ++g) test.statistic += difference[g] * solved[g];
  if (test.df > 0) test.log10_p = log10_p_chi_square(test.statistic, double(test.df));
  return test;
}

}  // namespace

LogRank log_rank(const SurvivalOutcome& outcome, std::span<const std::int32_t> group) {
  check_outcome(outcome);
  if (dim_t(group.size()) != outcome.rows()) {
    throw ShapeError(message("[log-rank] expected ", outcome.rows(), " groups (one a patient), got ", group.size()));
  }
  if (!outcome.weight.empty()) throw UsageError("[log-rank] expected no case weights: this test does not take them");
  LogRank result;
  result.group.assign(group.begin(), group.end());
  std::sort(result.group.begin(), result.group.end());
  result.group.erase(std::unique(result.group.begin(), result.group.end()), result.group.end());
  const std::size_t groups = result.group.size();
  const auto index_of = [&](dim_t row) {
    return std::size_t(std::lower_bound(result.group.begin(), result.group.end(), group[row]) - result.group.begin());
  };
  const auto stratum_of = [&](dim_t row) { return outcome.stratum.empty() ? 0 : outcome.stratum[row]; };

  std::vector<dim_t> by_time(group.size()), by_entry;
  std::iota(by_time.begin(), by_time.end(), dim_t(0));
  if (!outcome.entry.empty()) by_entry = by_time;
  const auto latest_first = [&](const std::vector<double>& key) {
    return [&](dim_t a, dim_t b) {
      if (stratum_of(a) != stratum_of(b)) return stratum_of(a) < stratum_of(b);
      return key[a] > key[b];
    };
  };
  std::stable_sort(by_time.begin(), by_time.end(), latest_first(outcome.time));
  std::stable_sort(by_entry.begin(), by_entry.end(), latest_first(outcome.entry));

  Sums sums{std::vector<double>(groups, 0.), std::vector<double>(groups, 0.), std::vector<double>(groups * groups, 0.)};
  std::vector<double> at_risk(groups, 0.), deaths(groups);
  std::size_t left = 0;
  for (std::size_t begin = 0; begin < by_time.size();) {
    const dim_t first = by_time[begin];
    const bool new_stratum = begin > 0 && stratum_of(by_time[begin - 1]) != stratum_of(first);
    if (new_stratum) {
      std::fill(at_risk.begin(), at_risk.end(), 0.);
      while (left < by_entry.size() && stratum_of(by_entry[left]) < stratum_of(first)) ++left;
    }
    for (; left < by_entry.size() && stratum_of(by_entry[left]) == stratum_of(first); ++left) {
      if (outcome.entry[by_entry[left]] < outcome.time[first]) break;
      at_risk[index_of(by_entry[left])] -= 1;
    }
    std::fill(deaths.begin(), deaths.end(), 0.);
    bool any = false;
    std::size_t end = begin;
    for (; end < by_time.size(); ++end) {
      const dim_t row = by_time[end];
      if (stratum_of(row) != stratum_of(first) || outcome.time[row] != outcome.time[first]) break;
      at_risk[index_of(row)] += 1;
      deaths[index_of(row)] += outcome.event[row];
      any |= outcome.event[row] != 0;
    }
    if (any) add_time(deaths, at_risk, sums);
    begin = end;
  }
  result.observed = sums.observed;
  result.expected = sums.expected;
  result.test = test_of(sums);
  return result;
}

}  // namespace engram::survival
