#include <cmath>

#include "kernels/dense_solve/dense_solve.h"

namespace engram::kernels {

Cost cholesky_cost(dim_t n) {
  return {n * (n + 1) / 2 * 8, n * (n + 1) / 2 * 8, n * n * n / 3};
}

Cost cholesky_solve_cost(dim_t n) {
  return {(n * (n + 1) / 2 + n) * 8, n * 8, 2 * n * n};
}

namespace reference {

void cholesky(const CholeskyArgs& args) {
  const auto l = [&](dim_t i, dim_t j) -> double& { return args.factor[i * args.stride + j]; };
  dim_t num_aliased = 0;
  for (dim_t j = 0; j < args.n; ++j) {
    double pivot = args.a[j * args.stride + j];
    for (dim_t k = 0; k < j; ++k) pivot -= l(j, k) * l(j, k);
    const bool keep = !args.aliased[j] && pivot > args.tolerance * args.magnitude[j];
    args.aliased[j] = !keep;
    num_aliased += !keep;
    for (dim_t i = 0; i < args.stride; ++i)
      if (i > j) l(j, i) = 0;
    if (!keep)
      for (dim_t k = 0; k < j; ++k) l(j, k) = 0;
    l(j, j) = keep ? std::sqrt(pivot) : 1;
    for (dim_t i = j + 1; i < args.n; ++i) {
      double sum = args.a[i * args.stride + j];
      for (dim_t k = 0; k < j; ++k) sum -= l(i, k) * l(j, k);
      l(i, j) = keep ? sum / l(j, j) : 0;
    }
  }
  if (args.num_aliased) *args.num_aliased = num_aliased;
}

}  // namespace reference

}  // namespace engram::kernels
