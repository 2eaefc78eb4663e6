#pragma once
/// Matrix products, f32, row-major.

#include "kernels/common/cost.h"
#include "kernels/common/math_mode.h"
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
  MathMode math = MathMode::kF32;
};

/// Throws UsageError for a negative extent or a leading dimension shorter than a row.
void check_matmul(const MatmulArgs& args);

/// Entry points of one back end. On the CPU the order of additions is oneDNN's: the same bits at the same thread count,
/// other last bits at another. On CUDA it is cuBLAS's, with a workspace of its own a stream (32 MiB), so bits repeat on
/// one kind of GPU. Throws as check_matmul.
struct MatmulKernels {
  void (*matmul)(Stream, const MatmulArgs&);
};

/// A, B (and C when beta != 0) read and C written once; 2 m n k operations a matrix.
Cost matmul_cost(const MatmulArgs& args);

/// The CPU back end (oneDNN).
extern const MatmulKernels kCpuMatmul;

/// The CUDA back end (cuBLAS), in the plug-in. Extents stay below 2^31. The first product on a stream allocates, so it
/// cannot be captured.
extern const MatmulKernels kCudaMatmul;

/// Plain loops in double: the oracle of the tests.
namespace reference {
/// As MatmulKernels::matmul; the pointers of `args` are not used.
void matmul(const MatmulArgs& args, const double* a, const double* b, double* c);
}  // namespace reference

}  // namespace engram::kernels
