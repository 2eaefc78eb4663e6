#include <algorithm>
#include <cmath>

#include "kernels/noise_contrast/noise_contrast.h"

namespace engram::kernels::reference {

void contrast_draw(const ContrastDrawArgs& a, double* chosen) {
  for (dim_t r = 0; r < a.rows; ++r) {
    const dim_t label = a.labels[r], begin = a.class_begin[label], size = a.class_size[label];
    *chosen++ = a.samples[r];
    for (dim_t k = 0; k < a.negatives; ++k) {
      const float product = a.uniform[r * a.negatives + k] * float(a.images - size);
      const auto rank = dim_t(product);
      *chosen++ = a.by_class[rank < begin ? rank : rank + size];
    }
  }
}

double contrast_loss(dim_t rows, dim_t negatives, dim_t images, const double* scores, const std::int32_t* chosen,
                     double z_in, double* z_out, double* derivative) {
  const dim_t per_row = 1 + negatives;
  const auto score = [&](dim_t r, dim_t k) { return scores[r * images + chosen[r * per_row + k]]; };
  double exps = 0, loss = 0;
  for (dim_t r = 0; r < rows; ++r)
    for (dim_t k = 0; k < per_row; ++k) exps += std::exp(score(r, k));
  *z_out = z_in != 0 ? z_in : exps / double(rows * per_row) * double(images);
  const double m = double(negatives) / double(images), log_zm = std::log(*z_out * m), above = 1 + 1e-7 / m;
  if (derivative) std::fill(derivative, derivative + rows * images, 0.0);
  for (dim_t r = 0; r < rows; ++r) {
    loss -= score(r, 0) - log_zm;
    if (derivative) derivative[r * images + chosen[r * per_row]] -= 1 / double(rows);
    for (dim_t k = 0; k < per_row; ++k) {
      const double q = std::exp(score(r, k) - log_zm);
      loss += std::log(above + q);
      if (derivative) derivative[r * images + chosen[r * per_row + k]] += q / (above + q) / double(rows);
    }
  }
  return loss / double(rows);
}

void contrast_mix(const double* embeddings, const std::int32_t* samples, dim_t rows, dim_t width, double momentum,
                  double* bank) {
  for (dim_t r = 0; r < rows; ++r) {
    if (std::find(samples + r + 1, samples + rows, samples[r]) != samples + rows) continue;
    double* row = bank + samples[r] * width;
    double squares = 0;
    for (dim_t i = 0; i < width; ++i) {
      row[i] = momentum * row[i] + (1 - momentum) * embeddings[r * width + i];
      squares += row[i] * row[i];
    }
    for (dim_t i = 0; i < width; ++i) row[i] /= std::sqrt(squares);
  }
}

}  // namespace engram::kernels::reference
