/// Matrix products of the layers: classifiers and Gram matrices.

#include "kernels/matmul/matmul.h"

#include "kernel_cases/kernel_case.h"

namespace engram::kernels {

void describe(cases::Operands& o, MatmulArgs& a) {
  o.in("a", a.a, a.m * a.k);
  o.in("b", a.b, a.k * a.n);
  o.out("c", a.c, a.m * a.n);
}

}  // namespace engram::kernels

namespace engram::cases {

void add_matmul_cases(CaseList& list) {
  struct Extents {
    dim_t m, n, k;
  };
  const dim_t rows = 32 * list.scale();
  const auto extents =
      list.sizes<Extents>({}, {{rows, 10, 512}, {rows, 100, 512}, {512, 512, rows}}, {{rows, 512, 512}});
  for (const auto& [m, n, k] : extents)
    for (const bool transposed : {false, true}) {
      const kernels::MatmulArgs args = {
          .m = m, .n = n, .k = k, .transpose_b = transposed, .lda = k, .ldb = transposed ? k : n, .ldc = n};
      list.add(
          transposed ? "matmul/transposed" : "matmul/plain", shape_text({m, n, k}),
          [](auto& b) { return b.matmul.matmul; }, args, kernels::matmul_cost(args));
    }
}

}  // namespace engram::cases
