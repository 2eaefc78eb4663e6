#include "kernels/common/error.h"
#include "kernels/matmul/matmul.h"

namespace engram::kernels {

void check_matmul(const MatmulArgs& s) {
  if (s.m < 0 || s.n < 0 || s.k < 0 || s.batch < 0)
    throw UsageError(
        message("[matmul] expected extents of at least 0, got m=", s.m, " n=", s.n, " k=", s.k, " batch=", s.batch));
  if (s.lda < (s.transpose_a ? s.m : s.k) || s.ldb < (s.transpose_b ? s.k : s.n) || s.ldc < s.n)
    throw UsageError(message("[matmul] expected leading dimensions of at least a row, got lda=", s.lda, " ldb=", s.ldb,
                             " ldc=", s.ldc, " for m=", s.m, " n=", s.n, " k=", s.k));
}

Cost matmul_cost(const MatmulArgs& s) {
  const std::int64_t out = s.batch * s.m * s.n * 4;
  return {.bytes_read = s.batch * (s.m * s.k + s.k * s.n) * 4 + (s.beta != 0 ? out : 0),
          .bytes_written = out,
          .flops = 2 * s.batch * s.m * s.n * s.k};
}

}  // namespace engram::kernels
