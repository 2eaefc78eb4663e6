#include "models/genes/benefit.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/common/error.h"
#include "models/genes/term_design.h"

namespace engram::genes {
namespace {

/// Ranks, ties averaged.
std::vector<double> ranks_of(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = 0.5 * double(begin + end - 1);
    begin = end;
  }
  return ranks;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const double n = double(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n,
               mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean_a) * (b[i] - mean_b);
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

}  // namespace

std::vector<double> predicted_benefit(const Cohort& cohort, const std::vector<dim_t>& genes, Likelihood likelihood) {
  const TermDesign design(usable_patients(cohort, likelihood), genes);
  const TermModel model(design.design(), likelihood);
  std::vector<dim_t> columns = design.base();
  for (dim_t j = 0; j < design.num_candidates(); ++j) columns.push_back(design.product(j));
  const TermFit fit = model.fit(columns);
  const std::size_t products = design.base().size();
  std::vector<double> benefit(cohort.time.size(), benefit_sign(likelihood) * fit.coefficients.front());
  for (std::size_t j = 0; j < genes.size(); ++j)
    for (std::size_t i = 0; i < benefit.size(); ++i)
      if (cohort.genes.at(dim_t(i), genes[j])) benefit[i] += benefit_sign(likelihood) * fit.coefficients[products + j];
  return benefit;
}

BenefitScore benefit_score(const std::vector<double>& predicted, const std::vector<double>& truth) {
  if (predicted.size() != truth.size() || truth.empty())
    throw UsageError(message("[benefit] expected as many predicted as true gains and at least one, got ",
                             predicted.size(), " and ", truth.size()));
  BenefitScore score;
  score.concordance = correlation(ranks_of(predicted), ranks_of(truth));
  double recommended = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    score.gain_of_all += truth[i] / double(truth.size());
    if (!(predicted[i] > 0)) continue;
    recommended += 1;
    score.gain_of_recommended += truth[i];
  }
  if (recommended > 0) score.gain_of_recommended /= recommended;
  score.share_recommended = recommended / double(truth.size());
  return score;
}

}  // namespace engram::genes
