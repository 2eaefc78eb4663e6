#include "kernels/matmul/matmul.h"

namespace engram::kernels::reference {

void matmul(const MatmulArgs& args, const double* a, const double* b, double* c) {
  for (dim_t s = 0; s < args.batch; ++s)
    for (dim_t i = 0; i < args.m; ++i)
      for (dim_t j = 0; j < args.n; ++j) {
        double total = 0;
        for (dim_t p = 0; p < args.k; ++p)
          total += a[s * args.stride_a + (args.transpose_a ? p * args.lda + i : i * args.lda + p)] *
                   b[s * args.stride_b + (args.transpose_b ? j * args.ldb + p : p * args.ldb + j)];
        double& out = c[s * args.stride_c + i * args.ldc + j];
        out = args.alpha * total + (args.beta == 0 ? 0 : args.beta * out);
      }
}

}  // namespace engram::kernels::reference
