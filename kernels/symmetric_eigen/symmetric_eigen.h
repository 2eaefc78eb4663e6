#pragma once
/// Eigenvalues of symmetric matrices, and the congruence that brings a product of two to one. Double precision, host
/// memory, one thread.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// A = V diag(values) V'.
struct SymmetricEigenArgs {
  const double* a;  ///< [n, n], lower triangle read
  dim_t n;
  double* values;   ///< [n], ascending
  double* vectors;  ///< [n, n], one a column; null: values alone
};

/// out = B' A B.
struct CongruenceArgs {
  const double* a;  ///< [n, n], symmetric
  const double* b;  ///< [n, m]
  dim_t n, m;
  double* out;  ///< [m, m]; neither a nor b
};

/// Entry points of one back end. Orders of addition are fixed by the extents. `eigen` throws DataError for values that
/// are not finite.
struct SymmetricEigenKernels {
  void (*eigen)(Stream, const SymmetricEigenArgs&);
  void (*congruence)(Stream, const CongruenceArgs&);
};

/// 4/3 n^3 operations for the values, 9 n^3 with the vectors (tridiagonal form and implicit QR).
Cost symmetric_eigen_cost(dim_t n, bool vectors);
/// 2 (n^2 m + n m^2) operations.
Cost congruence_cost(dim_t n, dim_t m);

/// The CPU back end (Eigen).
extern const SymmetricEigenKernels kCpuSymmetricEigen;

/// Plain loops: the oracle of the tests.
namespace reference {
/// Jacobi's rotations, until nothing is left beside the diagonal.
void symmetric_eigen(const SymmetricEigenArgs& args);
void congruence(const CongruenceArgs& args);
}  // namespace reference

}  // namespace engram::kernels
