#pragma once
/// Bernoulli log-likelihood with the logit link and its derivatives by row. Double precision, host memory, one thread.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// p = 1 / (1 + exp(-eta)); l = sum of weight (y eta - log(1 + exp(eta))). Outputs other than p are weighted by row.
struct LogisticLikelihoodArgs {
  dim_t rows;
  const double* eta;             ///< [rows]
  const std::uint8_t* response;  ///< [rows] y: 0 or 1
  const double* weight;          ///< [rows]
  double* probability;           ///< [rows]: p, neither 0 nor 1 unless it rounds to it
  double* gradient;              ///< [rows]: dl/deta = weight (y - p)
  double* curvature;             ///< [rows]: -d2l/deta2 = weight p (1 - p)
  double* loglik;
};

/// Entry points of one back end. Rows are added in an order fixed by the extent.
struct LogisticLikelihoodKernels {
  void (*likelihood)(Stream, const LogisticLikelihoodArgs&);
};

/// Two values and a byte read, three written a row; about 60 operations for the exponential and the logarithm.
Cost logistic_likelihood_cost(dim_t rows);

/// The CPU back end.
extern const LogisticLikelihoodKernels kCpuLogisticLikelihood;

/// Plain loop over the C library's functions: the oracle of the tests.
namespace reference {
void logistic_likelihood(const LogisticLikelihoodArgs& args);
}  // namespace reference

}  // namespace engram::kernels
