#pragma once
/// Log-likelihood of right-censored log-linear models and its derivatives by row (docs/methods/genes.md, "Models of log
/// time"). Double precision, host memory, one thread.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Law of the error e in log Y = eta + sigma e.
enum class AftDistribution : std::uint8_t {
  kWeibull,      ///< extreme value
  kLogNormal,    ///< normal
  kLogLogistic,  ///< logistic
};

/// z = (log_time - eta) / sigma; every output is weighted by row. The outputs by row may be null all together.
struct AftLikelihoodArgs {
  AftDistribution distribution;
  dim_t rows;
  const double* eta;          ///< [rows]
  const double* log_time;     ///< [rows]
  const std::uint8_t* event;  ///< [rows]
  const double* weight;       ///< [rows]
  double log_sigma;
  double* gradient;   ///< [rows]: dl/deta
  double* curvature;  ///< [rows]: -d2l/deta2, >= 0
  double* mixed;      ///< [rows]: -d2l/deta dlog sigma
  double* totals;     ///< [4]: l, dl/dlog sigma, -d2l/dlog sigma2, and its part that is never negative (sum of h z^2)
};

/// Entry points of one back end. Rows are added in an order fixed by the extent.
struct AftLikelihoodKernels {
  void (*likelihood)(Stream, const AftLikelihoodArgs&);
};

/// Four values and a byte read, three written a row; about 60 operations for the exponential and the logarithm.
Cost aft_likelihood_cost(dim_t rows);

/// The CPU back end.
extern const AftLikelihoodKernels kCpuAftLikelihood;

/// Plain loop over the C library's functions: the oracle of the tests.
namespace reference {
void aft_likelihood(const AftLikelihoodArgs& args);
}  // namespace reference

}  // namespace engram::kernels
