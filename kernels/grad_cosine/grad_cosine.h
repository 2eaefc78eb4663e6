#pragma once
/// Cosine of the angle between rows, its gradient, and the gradient of that gradient, each in one pass over the rows
/// (two for the last).
///
/// cos = a.b / (A B), A = max(|a|, eps), B = max(|b|, eps), as torch.nn.functional.cosine_similarity. Where a norm does
/// not exceed eps its denominator counts as a constant, so zero rows give cosine 0 and the finite gradient b / (A B).

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Saved values a row: a.b, |a|, |b|.
inline constexpr int kNumCosineStats = 3;

/// cos [rows] of a, b [rows, width].
struct GradCosineForwardArgs {
  const float* a;
  const float* b;
  dim_t rows, width;
  float eps;
  float* cos;                 ///< [rows]
  float* row_stats;           ///< [rows, 3]
  void* workspace = nullptr;  ///< workspace_bytes
};

/// grad_a = g (b / (A B) - [|a| > eps] cos a / A^2), grad_b likewise, g = grad_cos[row]. Either output may be null.
struct GradCosineBackwardArgs {
  const float* a;
  const float* b;
  const float* row_stats;
  const float* grad_cos;  ///< [rows]
  dim_t rows, width;
  float eps;
  float* grad_a;  ///< [rows, width]
  float* grad_b;
};

/// Gradients of sum(v_a grad_a + v_b grad_b) of the gradient above with respect to a, b and grad_cos. v_a or v_b may be
/// null (0), and so may each output.
struct GradCosineDoubleBackwardArgs {
  const float* a;
  const float* b;
  const float* row_stats;
  const float* grad_cos;  ///< [rows]
  const float* v_a;       ///< [rows, width] or null
  const float* v_b;
  dim_t rows, width;
  float eps;
  float* grad_a;  ///< [rows, width] or null
  float* grad_b;
  float* grad_grad_cos;       ///< [rows] or null
  void* workspace = nullptr;  ///< workspace_bytes
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct GradCosineKernels {
  void (*forward)(Stream, const GradCosineForwardArgs&);
  void (*backward)(Stream, const GradCosineBackwardArgs&);
  void (*double_backward)(Stream, const GradCosineDoubleBackwardArgs&);
  /// Bytes of workspace of the forward and the double backward call, aligned to 8; may be 0.
  std::size_t (*workspace_bytes)(dim_t rows, dim_t width);
};

/// Two operands read.
Cost grad_cosine_forward_cost(dim_t rows, dim_t width);
/// Two operands read, `num_outputs` written.
Cost grad_cosine_backward_cost(dim_t rows, dim_t width, int num_outputs);
/// Four operands read, `num_outputs` written.
Cost grad_cosine_double_backward_cost(dim_t rows, dim_t width, int num_outputs);

/// The CPU back end.
extern const GradCosineKernels kCpuGradCosine;
/// The CUDA back end; defined where its kernels are linked.
extern const GradCosineKernels kCudaGradCosine;

/// Plain loops in double: the oracle of the tests. The double gradient has no closed form here: tests difference
/// `grad_cosine_backward`.
namespace reference {
void grad_cosine(const double* a, const double* b, dim_t rows, dim_t width, double eps, double* cos);
void grad_cosine_backward(const double* a, const double* b, const double* grad_cos, dim_t rows, dim_t width, double eps,
                          double* grad_a, double* grad_b);
}  // namespace reference

}  // namespace engram::kernels
