#pragma once
/// Eigenvalues of symmetric matrices, in double on the host.

#include <vector>

#include "kernels/common/types.h"

namespace engram {

/// The eigenvalues of a symmetric matrix [n, n], row-major, in descending order: Householder's reduction to tridiagonal
/// form, then QL steps with implicit shifts (Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3). The
/// upper triangle is not read. Throws ShapeError unless the matrix has n n values, DataError for a value that is not
/// finite. Deterministic.
std::vector<double> symmetric_eigenvalues(std::vector<double> matrix, dim_t n);

}  // namespace engram
