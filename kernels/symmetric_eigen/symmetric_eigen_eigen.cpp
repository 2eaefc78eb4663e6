#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"
#include "kernels/symmetric_eigen/symmetric_eigen.h"

namespace engram::kernels {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Map = Eigen::Map<Matrix>;
using ConstMap = Eigen::Map<const Matrix>;

void eigen(Stream, const SymmetricEigenArgs& args) {
  if (args.n == 0) return;
  for (dim_t i = 0; i < args.n; ++i)
    for (dim_t j = 0; j <= i; ++j)
      if (!std::isfinite(args.a[i * args.n + j]))
        throw DataError(message("[symmetric_eigen] expected finite values, got ", args.a[i * args.n + j]));
  const auto wanted = args.vectors ? Eigen::ComputeEigenvectors : Eigen::EigenvaluesOnly;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(ConstMap(args.a, args.n, args.n), wanted);
  if (solver.info() != Eigen::Success)
    throw DataError(message("[symmetric_eigen] expected eigenvalues of a matrix of ", args.n, " rows to converge"));
  std::copy_n(solver.eigenvalues().data(), args.n, args.values);
  if (args.vectors) Map(args.vectors, args.n, args.n) = solver.eigenvectors();
}

void congruence(Stream, const CongruenceArgs& args) {
  const ConstMap a(args.a, args.n, args.n), b(args.b, args.n, args.m);
  const Matrix product = a * b;
  Map(args.out, args.m, args.m).noalias() = b.transpose() * product;
}

}  // namespace

const SymmetricEigenKernels kCpuSymmetricEigen = {.eigen = eigen, .congruence = congruence};

}  // namespace engram::kernels
