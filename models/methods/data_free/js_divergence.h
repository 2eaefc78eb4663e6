#pragma once
/// The competition term of adaptive DeepInversion (docs/methods/data_free.md, "Adaptive DeepInversion").

#include "engine/tensor.h"

namespace engram {

/// What the sum over classes and rows is divided by.
enum class JsMean {
  kRows,     ///< by the rows: DeepInversion's and CMI's code
  kElements  ///< by rows and classes: PRE-DFKD's
};

/// (KL(M||P) + KL(M||Q)) / 2 with P, Q the softmax of both logits [B,C] by temperature T, M = (P + Q) / 2, and all
/// three limited to [0.01, 0.99] afterwards. A scalar; gradients flow to both logits, and not through limited entries.
/// With many classes nearly all entries are limited; it is then no divergence any more and may exceed 1. Throws
/// UsageError unless T > 0.
Tensor js_divergence(const Tensor& student_logits, const Tensor& teacher_logits, float temperature = 3,
                     JsMean mean = JsMean::kRows);

/// 1 - js limited to [0, 1]: what the images minimise. The gradient is 0 beyond the limits.
Tensor competition_loss(const Tensor& js);

}  // namespace engram
