#pragma once
/// Cholesky factor of a symmetric matrix with detection of dependent columns, for the normal equations of regressions.
/// Double precision, host memory, one thread.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// A = L L' for the columns that are kept. Column j is dropped ("aliased": the columns before it determine it) if what
/// is left of its diagonal after the columns before it is below tolerance * magnitude[j]. Columns that come with
/// aliased[j] = 1 are dropped at once. Rows and columns of dropped ones are zero in L, except L[j, j] = 1.
struct CholeskyArgs {
  const double* a;  ///< [n, stride], lower triangle read
  dim_t n, stride;
  const double* magnitude;  ///< [n], >= 0: the sum of squares that A[j, j] is a difference of, or A[j, j] itself
  double tolerance;
  double* factor;         ///< [n, stride]: L, lower triangle, zero above
  std::uint8_t* aliased;  ///< [n]: in and out
  dim_t* num_aliased;     ///< may be null
};

/// x = A^-1 b over the kept columns; 0 where dropped. x may be b.
struct CholeskySolveArgs {
  const double* factor;
  dim_t n, stride;
  const std::uint8_t* aliased;
  const double* b;
  double* x;
};

/// A^-1 over the kept columns, both triangles; zero rows and columns where dropped.
struct CholeskyInverseArgs {
  const double* factor;
  dim_t n, stride;
  const std::uint8_t* aliased;
  double* inverse;  ///< [n, stride]; not `factor`
};

/// Entry points of one back end.
struct DenseSolveKernels {
  void (*cholesky)(Stream, const CholeskyArgs&);
  void (*solve)(Stream, const CholeskySolveArgs&);
  void (*inverse)(Stream, const CholeskyInverseArgs&);
};

/// n^3 / 3 operations, the triangle read and written.
Cost cholesky_cost(dim_t n);
/// 2 n^2 operations, the triangle read.
Cost cholesky_solve_cost(dim_t n);

/// The CPU back end.
extern const DenseSolveKernels kCpuDenseSolve;

/// Column by column, plain loops: the oracle of the tests.
namespace reference {
void cholesky(const CholeskyArgs& args);
}  // namespace reference

}  // namespace engram::kernels
