#include "models/methods/distillation/alignment.h"

#include <algorithm>
#include <numeric>

namespace engram {
namespace {

Tensor centred(const Tensor& gram) {
  const Tensor rows = gram - mean(gram, {0}, true);
  return rows - mean(rows, {1}, true);
}

}  // namespace

Tensor linear_alignment(const Tensor& x, const Tensor& y) {
  const Tensor a = x - mean(x, {0}, true), b = y - mean(y, {0}, true);
  return sum(square(matmul(b, a, true))) / (norm(matmul(a, a, true)) * norm(matmul(b, b, true)));
}

Tensor gram_alignment(const Tensor& k, const Tensor& l) {
  const Tensor a = centred(k), b = centred(l);
  return sum(a * b) / (norm(a) * norm(b));
}

Tensor gaussian_gram(const Tensor& x, double threshold) {
  const dim_t n = x.dim(0);
  const Tensor squares = sum(square(reshape(x, {1, n, x.dim(1)}) - reshape(x, {n, 1, x.dim(1)})), {2});
  const std::vector<float> values = squares.to_vector();
  std::vector<dim_t> order(values.size());
  std::iota(order.begin(), order.end(), dim_t(0));
  const auto middle = order.begin() + std::ptrdiff_t((order.size() - 1) / 2);
  std::nth_element(order.begin(), middle, order.end(),
                   [&](dim_t a, dim_t b) { return values[std::size_t(a)] < values[std::size_t(b)]; });
  const Tensor median = slice(reshape(squares, {n * n}), 0, *middle, *middle + 1);
  return exp(neg(squares) / (float(2 * threshold * threshold) * median));
}

}  // namespace engram
