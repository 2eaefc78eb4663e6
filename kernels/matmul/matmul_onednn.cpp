#include <oneapi/dnnl/dnnl.h>

#include "kernels/common/error.h"
#include "kernels/matmul/matmul.h"

namespace engram::kernels {
namespace {

void matmul(Stream, const MatmulArgs& args) {
  if (args.m == 0 || args.n == 0) return;
  for (dim_t i = 0; i < args.batch; ++i) {
    float* c = args.c + i * args.stride_c;
    const dnnl_status_t status =
        dnnl_sgemm(args.transpose_a ? 'T' : 'N', args.transpose_b ? 'T' : 'N', args.m, args.n, args.k, args.alpha,
                   args.a + i * args.stride_a, args.lda, args.b + i * args.stride_b, args.ldb, args.beta, c, args.ldc);
    if (status != dnnl_success)
      throw Error(
          message("[matmul] oneDNN failed with status ", int(status), " for m ", args.m, " n ", args.n, " k ", args.k));
  }
}

}  // namespace

Cost matmul_cost(const MatmulArgs& args) {
  return {4 * args.batch * (args.m * args.k + args.k * args.n), 4 * args.batch * args.m * args.n,
          2 * args.batch * args.m * args.n * args.k};
}

const MatmulKernels kCpuMatmul = {matmul};

}  // namespace engram::kernels
