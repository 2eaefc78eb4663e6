#include <oneapi/dnnl/dnnl.h>

#include <algorithm>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "kernels/matmul/matmul.h"

namespace engram::kernels {
namespace {

/// c = beta c, for an empty sum.
void scale_only(const MatmulArgs& s, float* c) {
  for (dim_t i = 0; i < s.m; ++i)
    for (dim_t j = 0; j < s.n; ++j) c[i * s.ldc + j] = s.beta != 0 ? s.beta * c[i * s.ldc + j] : 0.f;
}

dnnl_status_t one_product(const MatmulArgs& s, dim_t index) {
  // oneDNN asks for leading dimensions of at least 1, also for empty rows.
  return dnnl_sgemm(s.transpose_a ? 'T' : 'N', s.transpose_b ? 'T' : 'N', s.m, s.n, s.k, s.alpha,
                    s.a + index * s.stride_a, std::max<dim_t>(1, s.lda), s.b + index * s.stride_b,
                    std::max<dim_t>(1, s.ldb), s.beta, s.c + index * s.stride_c, std::max<dim_t>(1, s.ldc));
}

void matmul(Stream, const MatmulArgs& s) {
  check_matmul(s);
  if (s.m == 0 || s.n == 0) return;
  if (s.k == 0) {
    for (dim_t i = 0; i < s.batch; ++i) scale_only(s, s.c + i * s.stride_c);
    return;
  }
  // Small products of a batch run one a thread; inside a parallel region oneDNN uses the calling thread only.
  constexpr dim_t kSmallProduct = 64 * 64 * 64;
  dnnl_status_t status = dnnl_success;
  if (s.batch > 1 && s.m * s.n * s.k <= kSmallProduct) {
    bool failed = false;
#pragma omp parallel for schedule(static) reduction(|| : failed)
    for (dim_t i = 0; i < s.batch; ++i) failed = failed || one_product(s, i) != dnnl_success;
    if (failed) status = dnnl_runtime_error;
  } else {
    for (dim_t i = 0; i < s.batch && status == dnnl_success; ++i) status = one_product(s, i);
  }
  if (status == dnnl_out_of_memory) throw OutOfMemory("[matmul] oneDNN found no memory for its packed operands");
  if (status != dnnl_success) throw Error(message("[matmul] oneDNN failed with status ", int(status)));
}

}  // namespace

const MatmulKernels kCpuMatmul = {.matmul = matmul};

}  // namespace engram::kernels
