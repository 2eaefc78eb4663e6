#include "models/methods/metrics/cka.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "kernels/common/parallel.h"

namespace engram {
namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// Examples behind a Gram matrix.
dim_t count_of(const char* op, const Tensor& gram, dim_t least) {
  if (gram.rank() != 2 || gram.dim(0) < least || gram.dim(1) != gram.dim(0))
    throw ShapeError(
        message("[", op, "] expected a Gram matrix of ", least, " or more examples, got ", gram.describe()));
  return gram.dim(0);
}

Tensor rows_of(const char* op, const Tensor& x) {
  if (x.rank() < 1 || x.numel() == 0)
    throw ShapeError(message("[", op, "] expected features of examples, got ", x.describe()));
  const Tensor plain = reshape(x.contiguous(), {x.dim(0), x.numel() / x.dim(0)});
  // Centred first: f32 products then do not lose what distinguishes examples beside what they share.
  return plain - mean(plain, {0}, true);
}

std::vector<double> as_doubles(const Tensor& x) {
  const std::vector<float> values = x.to_vector();
  return {values.begin(), values.end()};
}

/// Sums of the rows.
std::vector<double> row_sums(const std::vector<double>& gram, dim_t n) {
  std::vector<double> sums(std::size_t(n), 0.0);
  for (dim_t i = 0; i < n; ++i)
    for (dim_t j = 0; j < n; ++j) sums[i] += gram[i * n + j];
  return sums;
}

}  // namespace

Tensor gram_matrix(const Tensor& x) {
  const Tensor rows = rows_of("gram_matrix", x);
  return matmul(rows, rows, false, true);
}

Tensor gaussian_gram(const Tensor& x, double threshold) {
  const Tensor rows = rows_of("gaussian_gram", x);
  const dim_t n = rows.dim(0);
  const Tensor lengths = sum(square(rows), {1});
  const Tensor squares = reshape(lengths, {1, n}) + reshape(lengths, {n, 1}) - 2.f * matmul(rows, rows, false, true);
  const std::vector<float> values = squares.to_vector();
  std::vector<dim_t> order(values.size());
  std::iota(order.begin(), order.end(), dim_t(0));
  const auto middle = order.begin() + std::ptrdiff_t((order.size() - 1) / 2);
  std::nth_element(order.begin(), middle, order.end(),
                   [&](dim_t a, dim_t b) { return values[std::size_t(a)] < values[std::size_t(b)]; });
  const Tensor median = slice(reshape(squares, {n * n}), 0, *middle, *middle + 1);
  return exp(neg(squares) / (float(2 * threshold * threshold) * median));
}

Tensor centered_gram(const Tensor& gram) {
  count_of("centered_gram", gram, 1);
  const Tensor rows = gram - mean(gram, {0}, true);
  return rows - mean(rows, {1}, true);
}

Tensor alignment(const Tensor& k, const Tensor& l) {
  const Tensor a = centered_gram(k), b = centered_gram(l);
  return sum(a * b) / (norm(a) * norm(b));
}

std::vector<double> debiased_gram(const Tensor& matrix) {
  const dim_t n = count_of("debiased_gram", matrix, 4);
  std::vector<double> gram = as_doubles(matrix);
  for (dim_t i = 0; i < n; ++i) gram[i * n + i] = 0;
  std::vector<double> means = row_sums(gram, n);
  double total = 0;
  for (double& mean : means) {
    mean /= double(n - 2);
    total += mean;
  }
  for (double& mean : means) mean -= total / double(2 * (n - 1));
  for (dim_t i = 0; i < n; ++i)
    for (dim_t j = 0; j < n; ++j) gram[i * n + j] = i == j ? 0 : gram[i * n + j] - means[i] - means[j];
  return gram;
}

CkaMatrix::CkaMatrix(std::size_t first_layers, std::size_t second_layers, CkaEstimator estimator)
    : products_(first_layers, std::vector<double>(second_layers, 0.0)),
      first_own_(first_layers, 0.0),
      second_own_(second_layers, 0.0),
      estimator_(estimator) {}

void CkaMatrix::add(const std::vector<Tensor>& first_grams, const std::vector<Tensor>& second_grams) {
  if (first_grams.size() != first_own_.size() || second_grams.size() != second_own_.size())
    throw UsageError(message("[CkaMatrix] expected Gram matrices of ", first_own_.size(), " and ", second_own_.size(),
                             " layers, got ", first_grams.size(), " and ", second_grams.size()));
  if (estimator_ != CkaEstimator::kMinibatch && batches_ > 0)
    throw UsageError("[CkaMatrix] expected all examples at once for this estimator, got a second batch");
  const auto centered = [&](const std::vector<Tensor>& grams) {
    const NoGradGuard no_grad;
    std::vector<std::vector<double>> all;
    for (const Tensor& gram : grams)
      all.push_back(estimator_ == CkaEstimator::kBiased ? as_doubles(centered_gram(gram)) : debiased_gram(gram));
    return all;
  };
  const std::vector<std::vector<double>> first = centered(first_grams), second = centered(second_grams);
  const dim_t n = first_grams.empty() ? 0 : first_grams[0].dim(0);
  const double scale = estimator_ == CkaEstimator::kBiased ? 1 : 1 / (double(n) * double(n - 3));
  kernels::parallel_for(dim_t(first.size()), n * n * dim_t(second.size() + 1), [&](dim_t i) {
    for (std::size_t j = 0; j < second.size(); ++j) products_[i][j] += scale * dot(first[i], second[j]);
    first_own_[i] += scale * dot(first[i], first[i]);
  });
  for (std::size_t j = 0; j < second.size(); ++j) second_own_[j] += scale * dot(second[j], second[j]);
  ++batches_;
}

std::vector<std::vector<double>> CkaMatrix::values() const {
  if (batches_ == 0) throw UsageError("[CkaMatrix] expected examples before values, got none");
  auto values = products_;
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = 0; j < values[i].size(); ++j) {
      const double scale = std::sqrt(first_own_[i] * second_own_[j]);
      values[i][j] = scale > 0 ? values[i][j] / scale : std::numeric_limits<double>::quiet_NaN();
    }
  return values;
}

}  // namespace engram
