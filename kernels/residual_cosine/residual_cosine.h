#pragma once
/// The angle between the gradients of two cross entropies to the features below two linear heads, in closed form, and
/// what else the residuals of the two heads give in the same step (Bai et al. 2021, DecAug).
///
/// Of a head with logits o and one-hot targets t, p = softmax(o) and the residual is r = p - t. Through a linear map M
/// from the features to the logits the gradient of the cross entropy to the features is g = M^T r, so that all scalar
/// products of two such gradients are forms of the residuals in the Gram matrices G11 = M1 M1^T, G22 = M2 M2^T and
/// G12 = M1 M2^T: per sample no vector of the features' width is touched.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Residuals and losses of a head. The residual at the target is minus the sum of the others, which keeps its digits
/// where the target is nearly certain. The loss of a row is the cross entropy of its logits, or with `twice` of its
/// softmax taken for logits.
struct HeadResidualArgs {
  const float* logits;   ///< [rows, classes]
  const float* targets;  ///< [rows, classes], one-hot
  dim_t rows, classes;
  bool twice;
  float* residual;  ///< [rows, classes]
  float* row_loss;  ///< [rows]
};

/// grad_logits = grad_rows r, or with `twice` grad_rows J (softmax(p) - t), J = diag(p) - p p^T.
struct HeadResidualBackwardArgs {
  const float* residual;
  const float* targets;
  const float* grad_rows;  ///< [rows]
  dim_t rows, classes;
  bool twice;
  float* grad_logits;  ///< [rows, classes]
};

/// The residuals of two heads and the Gram matrices. Extents are at least 1.
struct ResidualPair {
  const float* residual1;  ///< [rows, classes1]
  const float* residual2;  ///< [rows, classes2]
  const float* gram11;     ///< [classes1, classes1]
  const float* gram22;     ///< [classes2, classes2]
  const float* gram12;     ///< [classes1, classes2]
  dim_t rows, classes1, classes2;
  float eps;

  /// Entries of the three matrices.
  dim_t gram_values() const { return classes1 * classes1 + classes2 * classes2 + classes1 * classes2; }
};

/// cos = g1.g2 / ((|g1| + eps) (|g2| + eps)), 0 where a factor below is 0.
struct ResidualCosineForwardArgs {
  ResidualPair pair;
  float* cos;    ///< [rows]
  float* norm1;  ///< [rows], |g1|
  float* norm2;
};

/// Gradients of sum(grad_cos cos) to the Gram matrices and, where they are wanted, to the logits of the two heads:
/// q = J rho with rho the gradient to the residual. Those of a Gram matrix are the sums of the rows' r r^T in a fixed
/// order.
struct ResidualCosineBackwardArgs {
  ResidualPair pair;
  const float* cos;
  const float* norm1;
  const float* norm2;
  const float* grad_cos;  ///< [rows]
  const float* targets1;  ///< as in HeadResidualArgs; looked at for the logits' gradients only
  const float* targets2;
  float* grad_gram11;
  float* grad_gram22;
  float* grad_gram12;
  float* grad_logits1;  ///< [rows, classes1] or null
  float* grad_logits2;
  void* workspace;  ///< workspace_bytes, aligned to 8
};

/// out = [a1, a2 + alpha length t / (|t| + eps)] row by row with t = residual weight: features of two branches side by
/// side, those of the second moved along the gradient of their head's cross entropy.
struct ShiftedConcatArgs {
  const float* a1;        ///< [rows, width]
  const float* a2;        ///< [rows, width]
  const float* residual;  ///< [rows, classes]
  const float* weight;    ///< [classes, width]
  const float* alpha;     ///< [1], or [rows] with alpha_per_row
  dim_t rows, classes, width;
  bool alpha_per_row;
  float length, eps;
  float* out;  ///< [rows, 2 width]
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct ResidualCosineKernels {
  void (*head_residual)(Stream, const HeadResidualArgs&);
  void (*head_residual_backward)(Stream, const HeadResidualBackwardArgs&);
  void (*forward)(Stream, const ResidualCosineForwardArgs&);
  void (*backward)(Stream, const ResidualCosineBackwardArgs&);
  void (*shifted_concat)(Stream, const ShiftedConcatArgs&);
  /// Bytes of workspace of the backward call.
  std::size_t (*workspace_bytes)(dim_t rows, dim_t classes1, dim_t classes2);
};

/// Each operand read and each result written once.
Cost head_residual_cost(dim_t rows, dim_t classes);
Cost head_residual_backward_cost(dim_t rows, dim_t classes, bool twice);
Cost residual_cosine_forward_cost(const ResidualPair& pair);
/// `to_logits`: whether the logits' gradients are wanted.
Cost residual_cosine_backward_cost(const ResidualPair& pair, bool to_logits);
Cost shifted_concat_cost(dim_t rows, dim_t classes, dim_t width);

/// The CPU back end.
extern const ResidualCosineKernels kCpuResidualCosine;
/// The CUDA back end; defined where its kernels are linked.
extern const ResidualCosineKernels kCudaResidualCosine;

/// Plain loops in double: the oracle of the tests, which difference it for the gradients.
namespace reference {
void head_residual(const double* logits, const double* targets, dim_t rows, dim_t classes, bool twice, double* residual,
                   double* row_loss);
/// From the maps themselves, m1 [classes1, width] and m2 [classes2, width].
void residual_cosine(const double* residual1, const double* residual2, const double* m1, const double* m2, dim_t rows,
                     dim_t classes1, dim_t classes2, dim_t width, double eps, double* cos, double* norm1,
                     double* norm2);
/// alpha [rows].
void shifted_concat(const double* a1, const double* a2, const double* residual, const double* weight,
                    const double* alpha, dim_t rows, dim_t classes, dim_t width, double length, double eps,
                    double* out);
}  // namespace reference

}  // namespace engram::kernels
