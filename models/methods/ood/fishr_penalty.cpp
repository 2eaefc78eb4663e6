#include "models/methods/ood/fishr_penalty.h"

#include "engine/ops.h"

namespace engram {
namespace {

/// Mean over samples of the squares of r z^T, by one product of matrices: [1,C D].
Tensor weight_squares(const Tensor& r, const Tensor& z) {
  return (1 / float(r.dim(0))) * reshape(matmul(square(r), square(z), true, false), {1, r.dim(1) * z.dim(1)});
}

Tensor weight_means(const Tensor& r, const Tensor& z) {
  return (1 / float(r.dim(0))) * reshape(matmul(r, z, true, false), {1, r.dim(1) * z.dim(1)});
}

/// Covariance of the columns of g, divided by their number too, as a row.
Tensor covariances(const Tensor& g) {
  const Tensor centred = g - mean(g, {0}, true);
  const dim_t columns = g.dim(1);
  return (1 / float(g.dim(0) * columns)) * reshape(matmul(centred, centred, true, false), {1, columns * columns});
}

}  // namespace

Tensor gradient_moments(const Tensor& r, const Tensor& z, GradientMoment moment) {
  if (moment == GradientMoment::kCovariance) {
    const Tensor g = reshape(reshape(r, {r.dim(0), r.dim(1), 1}) * reshape(z, {z.dim(0), 1, z.dim(1)}),
                             {r.dim(0), r.dim(1) * z.dim(1)});
    return concat({covariances(g), covariances(r)}, 1);
  }
  if (moment == GradientMoment::kSecondMoment) return concat({weight_squares(r, z), mean(square(r), {0}, true)}, 1);
  return concat({weight_squares(r, z) - square(weight_means(r, z)), var(r, {0}, true)}, 1);
}

Tensor moment_distance(const std::vector<Tensor>& moments, bool sums) {
  const Tensor rows = concat(moments, 0);
  const Tensor squares = square(rows - mean(rows, {0}, true));
  return sums ? sum(squares) : mean(squares);
}

}  // namespace engram
