#include "models/methods/ood/order_statistic.h"

#include <algorithm>
#include <cmath>

#include "engine/autograd.h"
#include "engine/ops.h"

namespace engram {
namespace {

constexpr dim_t kColumns = 64;  // compared with at a time: bounds the memory

/// How many values of its row each value exceeds.
Tensor ranks(const Tensor& x) {
  const dim_t rows = x.dim(0), width = x.dim(1);
  const Tensor column = reshape(x, {rows, width, 1});
  Tensor below = Tensor::zeros({rows, width}, x.device());
  for (dim_t begin = 0; begin < width; begin += kColumns) {
    const dim_t end = std::min(begin + kColumns, width);
    const Tensor others = reshape(slice(x, 1, begin, end).contiguous(), {rows, 1, end - begin});
    below = below + sum(greater(column, others), {2});
  }
  return below;
}

/// The largest of those values that exceed at most `k` others.
Tensor at_position(const Tensor& x, const Tensor& below, dim_t k) {
  const Tensor beyond = greater(below, Tensor::scalar(float(k), x.device()));
  // The smallest value of the row cannot be beyond: it stands in for those that are.
  const Tensor smallest = min(x, {1}, true);
  return max(beyond * smallest + (1.f + neg(beyond)) * x, {1}, true);
}

}  // namespace

Tensor order_statistic(const Tensor& x, dim_t k) {
  const NoGradGuard no_grad;
  const Tensor values = x.detach().contiguous();
  if (k < 0 || k >= values.dim(1))
    throw UsageError(message("[order_statistic] expected a position in [0,", values.dim(1), "), got ", k));
  return at_position(values, ranks(values), k);
}

Tensor row_percentile(const Tensor& x, double percent) {
  if (!(percent >= 0 && percent <= 100))
    throw UsageError(message("[row_percentile] expected a percentile in [0,100], got ", percent));
  const NoGradGuard no_grad;
  const Tensor values = x.detach().contiguous(), below = ranks(values);
  const double position = percent / 100 * double(values.dim(1) - 1);
  const dim_t low = dim_t(std::floor(position)), high = std::min(low + 1, values.dim(1) - 1);
  const Tensor a = at_position(values, below, low), b = at_position(values, below, high);
  return a + float(position - double(low)) * (b - a);
}

}  // namespace engram
