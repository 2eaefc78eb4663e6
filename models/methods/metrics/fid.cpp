#include "models/methods/metrics/fid.h"

#include <cmath>

#include "kernels/symmetric_eigen/symmetric_eigen.h"

namespace engram {
namespace {

double trace(const Moments& m) {
  double sum = 0;
  for (dim_t i = 0; i < m.size; ++i) sum += m.covariance[std::size_t(i * (m.size + 1))];
  return sum;
}

Moments with_ridge(Moments m, double ridge) {
  for (dim_t i = 0; i < m.size; ++i) m.covariance[std::size_t(i * (m.size + 1))] += ridge;
  return m;
}

}  // namespace

FrechetReference::FrechetReference(Moments reference, double ridge)
    : reference_(with_ridge(std::move(reference), ridge)), ridge_(ridge) {
  const dim_t n = reference_.size;
  std::vector<double> values(std::size_t(n), 0.), vectors(std::size_t(n * n), 0.);
  kernels::kCpuSymmetricEigen.eigen({}, {reference_.covariance.data(), n, values.data(), vectors.data()});
  dim_t first = 0;  // values ascend
  while (first < n && !(values[std::size_t(first)] > 0)) ++first;
  rank_ = n - first;
  root_.resize(std::size_t(n * rank_));
  for (dim_t i = 0; i < n; ++i)
    for (dim_t j = 0; j < rank_; ++j)
      root_[std::size_t(i * rank_ + j)] =
          vectors[std::size_t(i * n + first + j)] * std::sqrt(values[std::size_t(first + j)]);
}

FrechetDistance FrechetReference::distance_to(const Moments& moments) const {
  if (moments.size != reference_.size)
    throw ShapeError(message("[fid] expected features of ", reference_.size, " values, got ", moments.size));
  const Moments other = with_ridge(moments, ridge_);
  FrechetDistance result{.trace_a = trace(reference_), .trace_b = trace(other)};
  for (dim_t i = 0; i < other.size; ++i)
    result.mean_term += std::pow(reference_.mean[std::size_t(i)] - other.mean[std::size_t(i)], 2);
  std::vector<double> product(std::size_t(rank_ * rank_)), values(std::size_t(rank_), 0.);
  kernels::kCpuSymmetricEigen.congruence({},
                                         {other.covariance.data(), root_.data(), other.size, rank_, product.data()});
  kernels::kCpuSymmetricEigen.eigen({}, {product.data(), rank_, values.data(), nullptr});
  for (const double value : values) result.trace_root += value > 0 ? std::sqrt(value) : 0;
  result.value = result.mean_term + result.trace_a + result.trace_b - 2 * result.trace_root;
  return result;
}

FrechetDistance frechet_distance(const Moments& a, const Moments& b, double ridge) {
  return FrechetReference(a, ridge).distance_to(b);
}

}  // namespace engram
