#include "models/methods/ood/feature_distance.h"

#include "engine/ops.h"

namespace engram {
namespace {

struct Moments {
  Tensor mean, covariance;
};

Moments moments(const Tensor& x) {
  const dim_t rows = x.dim(0);
  if (rows < 2) throw ShapeError(message("[coral] expected at least 2 images an environment and step, got ", rows));
  const Tensor mean = engram::mean(x, {0}, true), centred = x - mean;
  return {mean, (1 / float(rows - 1)) * matmul(centred, centred, true, false)};
}

Tensor mean_kernel(const Tensor& x, const Tensor& y) {
  const dim_t width = x.dim(1);
  const Tensor difference = reshape(x, {x.dim(0), 1, width}) - reshape(y, {1, y.dim(0), width});
  const Tensor distance = sum(square(difference), {2});
  Tensor kernel = exp(-1e-3f * distance);
  for (const float gamma : {1e-2f, 1e-1f, 1.f, 10.f, 100.f, 1000.f}) kernel = kernel + exp(-gamma * distance);
  return mean(kernel);
}

}  // namespace

Tensor coral_distance(const Tensor& x, const Tensor& y) {
  const Moments a = moments(x), b = moments(y);
  return mse(a.mean, b.mean) + mse(a.covariance, b.covariance);
}

Tensor mmd_distance(const Tensor& x, const Tensor& y) {
  return mean_kernel(x, x) + mean_kernel(y, y) + -2.f * mean_kernel(x, y);
}

}  // namespace engram
