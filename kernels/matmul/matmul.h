#pragma once
/// Matrix products, f32, row-major.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// C[i] = alpha op(A[i]) op(B[i]) + beta C[i] for i in [0, batch): op(A) is [m,k], op(B) [k,n], C [m,n].
/// Leading dimensions are the row pitch of the stored matrices in elements; strides step from one matrix to the next, 0
/// repeats one. Extents may be 0. C must not overlap A or B.
struct MatmulArgs {
  dim_t m, n, k;
  const float* a;
  const float* b;
  float* c;
  bool transpose_a = false;  ///< A is stored [k,m]
  bool transpose_b = false;  ///< B is stored [n,k]
  dim_t lda, ldb, ldc;
  float alpha = 1, beta = 0;  ///< with beta = 0, C is not read
  dim_t batch = 1;
  dim_t stride_a = 0, stride_b = 0, stride_c = 0;
};

/// Entry points of one back end. On the CPU the order of additions is oneDNN's: the same bits at the same thread count,
/// other last bits at another. Throws UsageError for a negative extent or a leading dimension shorter than a row.
struct MatmulKernels {
  void (*matmul)(Stream, const MatmulArgs&);
};

/// A, B (and C when beta != 0) read and C written once; 2 m n k operations a matrix.
Cost matmul_cost(const MatmulArgs& args);

/// The CPU back end (oneDNN).
extern const MatmulKernels kCpuMatmul;

/// Plain loops in double: the oracle of the tests.
namespace reference {
/// As MatmulKernels::matmul; the pointers of `args` are not used.
void matmul(const MatmulArgs& args, const double* a, const double* b, double* c);
}  // namespace reference

}  // namespace engram::kernels
