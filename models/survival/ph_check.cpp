#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/dense_solve/dense_solve.h"
#include "models/survival/cox_residuals.h"

namespace engram::survival {
namespace {

/// Ranks of the times less their mean; equal times share their mean rank.
std::vector<double> centered_ranks(const std::vector<double>& time) {
  std::vector<std::size_t> order(time.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return time[a] < time[b]; });
  std::vector<double> rank(time.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && time[order[end]] == time[order[begin]]) ++end;
    const double shared = double(begin + end - 1) / 2 - double(time.size() - 1) / 2;
    for (std::size_t i = begin; i < end; ++i) rank[order[i]] = shared;
    begin = end;
  }
  return rank;
}

/// Correlation of `x` with the centred `rank`; 0 if either does not vary.
double correlation(const std::vector<double>& x, const std::vector<double>& rank) {
  const double mean = std::accumulate(x.begin(), x.end(), 0.) / double(x.size());
  double product = 0, squares = 0, ranks = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    product += (x[i] - mean) * rank[i];
    squares += (x[i] - mean) * (x[i] - mean);
    ranks += rank[i] * rank[i];
  }
  return squares > 0 && ranks > 0 ? product / std::sqrt(squares * ranks) : 0;
}

}  // namespace

ProportionalHazardsCheck check_proportional_hazards(const CoxModel& model, const CoxFit& fit) {
  const SchoenfeldResiduals schoenfeld = schoenfeld_residuals(model, fit);
  const std::size_t k = fit.columns.size(), events = schoenfeld.time.size();
  ProportionalHazardsCheck check;
  const std::vector<double> rank = centered_ranks(schoenfeld.time);
  double spread = 0;
  for (double r : rank) spread += r * r;

  // sums = sum of rank times residual; scaled = number of events times V residual.
  std::vector<double> sums(k, 0.);
  std::vector<std::vector<double>> scaled(k, std::vector<double>(events, 0.));
  for (std::size_t i = 0; i < events; ++i) {
    for (std::size_t a = 0; a < k; ++a) {
      const double r = schoenfeld.residuals[i * k + a];
      sums[a] += rank[i] * r;
      for (std::size_t b = 0; b < k; ++b) scaled[b][i] += double(events) * fit.covariance[b * k + a] * r;
    }
  }
  double global = 0;
  for (std::size_t a = 0; a < k; ++a) {
    const double variance = fit.covariance[a * k + a];
    double v_sums = 0;
    for (std::size_t b = 0; b < k; ++b) v_sums += fit.covariance[a * k + b] * sums[b];
    global += sums[a] * v_sums;
    ProportionalHazardsRow row{.name = fit.table[a].name, .correlation = 0, .test = {.statistic = 0, .df = 1}};
    if (variance > 0 && spread > 0) {
      row.correlation = correlation(scaled[a], rank);
      // The scaled residuals' slope over its variance, with the information of each event taken as the average one.
      row.test.statistic = double(events) * v_sums * v_sums / (variance * spread);
    }
    row.test.log10_p = log10_p_chi_square(row.test.statistic, 1);
    check.columns.push_back(std::move(row));
  }
  check.global.df = dim_t(k) - fit.status.num_aliased;
  if (spread > 0) check.global.statistic = double(events) * global / spread;
  if (check.global.df > 0) check.global.log10_p = log10_p_chi_square(check.global.statistic, double(check.global.df));
  return check;
}

}  // namespace engram::survival
