#pragma once
/// Attention maps of activations: where an image's channels are strong, as one vector of length 1 an image (Zagoruyko
/// and Komodakis 2017, "Paying More Attention to Attention", section 3.1).
///
/// q_i = mean over the channels of |x_ci|^power at position i; map = q / max(|q|, eps). (The mean and the sum over the
/// channels give the same map.) Activations are dense f32 in the layout of one ActivationShape; 16 and 1 are the fast
/// blocks on the CPU, c and 1 on CUDA.

#include "kernels/common/activation.h"
#include "kernels/common/cost.h"
#include "kernels/common/stream.h"

namespace engram::kernels {

struct AttentionMapForwardArgs {
  ActivationShape shape;
  const float* x;
  int power;  ///< 1 or more
  float eps;
  float* map;   ///< [n, h w]
  float* norm;  ///< [n]: |q|
};

/// With Q = max(|q|, eps): grad_q = (grad_map - [|q| > eps] map (map.grad_map)) / Q, and
/// grad_x = grad_q power / c |x|^(power - 1) sign(x), sign(0) = 0.
struct AttentionMapBackwardArgs {
  ActivationShape shape;
  const float* x;
  const float* map;
  const float* norm;
  const float* grad_map;  ///< [n, h w]
  int power;
  float eps;
  float* grad_x;  ///< may be x
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct AttentionMapKernels {
  void (*forward)(Stream, const AttentionMapForwardArgs&);
  void (*backward)(Stream, const AttentionMapBackwardArgs&);
};

/// Activation read, map written.
Cost attention_map_forward_cost(const ActivationShape& shape);
/// Activation, map and its gradient read, the activation's gradient written.
Cost attention_map_backward_cost(const ActivationShape& shape);

/// The CPU back end.
extern const AttentionMapKernels kCpuAttentionMap;
/// The CUDA back end; defined where its kernels are linked.
extern const AttentionMapKernels kCudaAttentionMap;

/// Plain loops in double over planar activations (the shape's block is ignored): the oracle of the tests.
namespace reference {
void attention_map(const ActivationShape& shape, const double* x, int power, double eps, double* map);
void attention_map_backward(const ActivationShape& shape, const double* x, const double* grad_map, int power,
                            double eps, double* grad_x);
}  // namespace reference

}  // namespace engram::kernels
