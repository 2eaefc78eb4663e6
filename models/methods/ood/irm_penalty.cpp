#include "models/methods/ood/irm_penalty.h"

#include "engine/ops.h"

namespace engram {

Tensor scale_gradient(const Tensor& logits, const Tensor& labels) {
  const Tensor residual = softmax(logits) - one_hot(labels, logits.dim(1));
  return mean(sum(residual * logits, {1}));
}

Tensor irm_penalty(const Tensor& logits, const Tensor& labels, bool halves) {
  if (!halves) return square(scale_gradient(logits, labels));
  const dim_t rows = logits.dim(0);
  if (rows < 2) throw ShapeError(message("[irm] expected at least 2 images an environment and step, got ", rows));
  const auto half = [&](dim_t first) {
    return scale_gradient(slice(logits, 0, first, rows, 2), slice(labels, 0, first, rows, 2).contiguous());
  };
  return half(0) * half(1);
}

}  // namespace engram
