#pragma once
/// Distance of factors: the mean absolute, or the root of the mean squared, difference of rows that are brought to
/// length 1 each (Kim et al. 2018, "Paraphrasing Complex Network: Network Compression via Factor Transfer", equation 3;
/// Huang et al. 2021, "Revisiting Knowledge Distillation: An Inheritance and Exploration Framework", with its sign
/// turned for the exploration).
///
/// With u = a / A, v = b / B, A = max(|a|, eps), B = max(|b|, eps) a row:
///   p = 1: loss = sum |u - v| / (rows width),   p = 2: loss = sqrt(sum (u - v)^2 / (rows width)).
/// b is a constant target. Equal rows give exactly 0, and with p = 2 equal operands give the gradient 0.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Saved values a row: A, A / B, and u.g with g = sign(u - v) (p = 1) or u - v (p = 2).
inline constexpr int kNumFactorStats = 3;

struct FactorDistanceForwardArgs {
  const float* a;
  const float* b;
  dim_t rows, width;
  int p;  ///< 1 or 2
  float eps;
  float* row_stats;  ///< [rows, 3]
  float* loss;       ///< scalar
  void* workspace;   ///< workspace_bytes, aligned to 8
};

/// grad_a = k / A (g - [|a| > eps] u (u.g)), the gradient of u projected on what a row of constant length can follow;
/// k = *grad / (rows width) with p = 1, *grad / (rows width loss) with p = 2, where a loss of 0 gives 0.
struct FactorDistanceBackwardArgs {
  const float* a;
  const float* b;
  const float* row_stats;
  const float* loss;
  const float* grad;  ///< scalar
  dim_t rows, width;
  int p;
  float eps;
  float* grad_a;  ///< [rows, width]; may be a
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct FactorDistanceKernels {
  void (*forward)(Stream, const FactorDistanceForwardArgs&);
  void (*backward)(Stream, const FactorDistanceBackwardArgs&);
  /// Bytes of workspace of the forward call.
  std::size_t (*workspace_bytes)(dim_t rows);
};

/// Two operands read.
Cost factor_distance_forward_cost(dim_t rows, dim_t width);
/// Two operands read, one written.
Cost factor_distance_backward_cost(dim_t rows, dim_t width);

/// The CPU back end.
extern const FactorDistanceKernels kCpuFactorDistance;
/// The CUDA back end; defined where its kernels are linked.
extern const FactorDistanceKernels kCudaFactorDistance;

/// Plain loops in double: the oracle of the tests.
namespace reference {
double factor_distance(const double* a, const double* b, dim_t rows, dim_t width, int p, double eps);
void factor_distance_backward(const double* a, const double* b, double grad, dim_t rows, dim_t width, int p, double eps,
                              double* grad_a);
}  // namespace reference

}  // namespace engram::kernels
