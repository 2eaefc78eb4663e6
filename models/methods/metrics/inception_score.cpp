#include "models/methods/metrics/inception_score.h"

#include <cmath>

namespace engram {
namespace {

/// exp of the weighted mean of KL(row || mean row) over rows [begin, end).
double score(const FeatureMatrix& p, dim_t begin, dim_t end, const double* weights) {
  const auto weight = [&](dim_t i) { return weights ? weights[i] : 1.; };
  std::vector<double> mean(std::size_t(p.columns), 0.);
  double total = 0;
  for (dim_t i = begin; i < end; ++i) {
    total += weight(i);
    for (dim_t c = 0; c < p.columns; ++c) mean[std::size_t(c)] += weight(i) * p.row(i)[c];
  }
  for (double& m : mean) m /= total;
  double divergence = 0;
  for (dim_t i = begin; i < end; ++i)
    for (dim_t c = 0; c < p.columns; ++c)
      if (const double share = p.row(i)[c]; share > 0 && weight(i) > 0)
        divergence += weight(i) * share * std::log(share / mean[std::size_t(c)]);
  return std::exp(divergence / total);
}

}  // namespace

InceptionScore inception_score(const FeatureMatrix& p, dim_t splits) {
  check_features("inception_score", p);
  if (splits < 1 || splits > p.rows)
    throw UsageError(message("[inception_score] expected 1 to ", p.rows, " splits (the images), got ", splits));
  InceptionScore result;
  const dim_t length = p.rows / splits;
  for (dim_t s = 0; s < splits; ++s) result.per_split.push_back(score(p, s * length, (s + 1) * length, nullptr));
  for (const double value : result.per_split) result.mean += value / double(splits);
  for (const double value : result.per_split) result.deviation += std::pow(value - result.mean, 2) / double(splits);
  result.deviation = std::sqrt(result.deviation);
  return result;
}

double weighted_inception_score(const FeatureMatrix& p, const std::vector<double>& weights) {
  if (dim_t(weights.size()) != p.rows)
    throw ShapeError(message("[inception_score] expected ", p.rows, " weights (one a row), got ", weights.size()));
  return score(p, 0, p.rows, weights.data());
}

}  // namespace engram
