#include "models/methods/metrics/cka.h"

#include <cmath>
#include <limits>

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

void check_gram(const char* op, const std::vector<double>& gram, dim_t n, dim_t least) {
  if (n < least || dim_t(gram.size()) != n * n)
    throw ShapeError(message("[", op, "] expected a Gram matrix of ", least, " or more examples, got ", gram.size(),
                             " values for ", n));
}

/// Sums of the rows.
std::vector<double> row_sums(const std::vector<double>& gram, dim_t n) {
  std::vector<double> sums(std::size_t(n), 0.0);
  for (dim_t i = 0; i < n; ++i)
    for (dim_t j = 0; j < n; ++j) sums[i] += gram[i * n + j];
  return sums;
}

}  // namespace

std::vector<double> gram_matrix(const Tensor& x) {
  const NoGradGuard no_grad;
  if (x.rank() < 1 || x.numel() == 0)
    throw ShapeError(message("[gram_matrix] expected features of examples, got ", x.describe()));
  const Tensor plain = reshape(x.detach().contiguous(), {x.dim(0), x.numel() / x.dim(0)});
  // Centred first: f32 products then do not lose what distinguishes examples beside what they share.
  const Tensor rows = sub(plain, mean(plain, {0}, true));
  const std::vector<float> gram = matmul(rows, rows, false, true).to_vector();
  return {gram.begin(), gram.end()};
}

std::vector<double> centered_gram(std::vector<double> gram, dim_t n) {
  check_gram("centered_gram", gram, n, 1);
  const std::vector<double> sums = row_sums(gram, n);
  double total = 0;
  for (const double sum : sums) total += sum;
  for (dim_t i = 0; i < n; ++i)
    for (dim_t j = 0; j < n; ++j) gram[i * n + j] += total / double(n * n) - (sums[i] + sums[j]) / double(n);
  return gram;
}

std::vector<double> debiased_gram(std::vector<double> gram, dim_t n) {
  check_gram("debiased_gram", gram, n, 4);
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

void CkaMatrix::add(std::vector<std::vector<double>> first, std::vector<std::vector<double>> second, dim_t n) {
  if (first.size() != first_own_.size() || second.size() != second_own_.size())
    throw UsageError(message("[CkaMatrix] expected Gram matrices of ", first_own_.size(), " and ", second_own_.size(),
                             " layers, got ", first.size(), " and ", second.size()));
  if (estimator_ != CkaEstimator::kMinibatch && batches_ > 0)
    throw UsageError("[CkaMatrix] expected all examples at once for this estimator, got a second batch");
  const auto center = [&](std::vector<double>& gram) {
    gram = estimator_ == CkaEstimator::kBiased ? centered_gram(std::move(gram), n) : debiased_gram(std::move(gram), n);
  };
  for (auto& gram : first) center(gram);
  for (auto& gram : second) center(gram);
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
