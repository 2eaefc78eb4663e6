#pragma once
/// Total variation and norm of a batch of images as priors of image synthesis (Yin et al. 2020, DeepInversion): four
/// norms of neighbour differences over the whole batch, and the norm of the batch.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Number of norms: D1 = x[i,j] - x[i,j+1], D2 = x[i,j] - x[i+1,j], D3 = x[i+1,j] - x[i,j+1], D4 = x[i,j] - x[i+1,j+1],
/// and x itself.
inline constexpr int kNumImageNorms = 5;

/// norms = Frobenius norms of D1 to D4 and of x over the whole tensor; tv = sum of the first four; l2 = the fifth.
/// Differences that would cross the border do not exist. x is planar.
struct ImagePriorForwardArgs {
  const float* x;  ///< [planes, h, w]
  dim_t planes, h, w;
  double* workspace;  ///< workspace_bytes
  float* norms;       ///< [5]
  float* tv;          ///< scalar or null
  float* l2;          ///< scalar or null
};

/// grad_x = *grad_tv sum_k D_k^T D_k x / norms[k] + *grad_l2 x / norms[4]; a term whose norm is 0 is 0, as in PyTorch.
struct ImagePriorBackwardArgs {
  const float* x;
  const float* norms;    ///< [5]
  const float* grad_tv;  ///< scalar, or null for 0
  const float* grad_l2;  ///< scalar, or null for 0
  dim_t planes, h, w;
  float* grad_x;  ///< [planes, h, w]; not x
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct ImagePriorKernels {
  void (*forward)(Stream, const ImagePriorForwardArgs&);
  void (*backward)(Stream, const ImagePriorBackwardArgs&);
  /// Bytes of ImagePriorForwardArgs::workspace.
  std::size_t (*workspace_bytes)(dim_t planes, dim_t h, dim_t w);
};

/// x read.
Cost image_prior_forward_cost(dim_t count);
/// x read, grad_x written.
Cost image_prior_backward_cost(dim_t count);

/// The CPU back end.
extern const ImagePriorKernels kCpuImagePrior;
/// The CUDA back end; defined where its kernels are linked.
extern const ImagePriorKernels kCudaImagePrior;

/// Plain loops in double: the oracle of the tests.
namespace reference {
void image_norms(const double* x, dim_t planes, dim_t h, dim_t w, double* norms);
void image_prior_backward(const double* x, double grad_tv, double grad_l2, dim_t planes, dim_t h, dim_t w,
                          double* grad_x);
}  // namespace reference

}  // namespace engram::kernels
