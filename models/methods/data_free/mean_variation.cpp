#include "models/methods/data_free/mean_variation.h"

#include "engine/ops.h"

namespace engram {

Tensor mean_variation(const Tensor& x) {
  if (x.rank() != 4 || x.dim(2) < 2 || x.dim(3) < 2)
    throw ShapeError(message("[mean_variation] expected x [N,C,H,W] of at least 2x2 pixels, got ", x.describe()));
  const dim_t rows = x.dim(2), columns = x.dim(3);
  const auto part = [&](dim_t top, dim_t bottom, dim_t left, dim_t right) {
    return slice(slice(x, 2, top, rows - bottom), 3, left, columns - right);
  };
  const auto distance = [](const Tensor& a, const Tensor& b) { return mean(abs(a - b)); };
  return distance(part(0, 0, 0, 1), part(0, 0, 1, 0)) + distance(part(0, 1, 0, 0), part(1, 0, 0, 0)) +
         distance(part(1, 0, 0, 1), part(0, 1, 1, 0)) + distance(part(0, 1, 0, 1), part(1, 0, 1, 0));
}

}  // namespace engram
