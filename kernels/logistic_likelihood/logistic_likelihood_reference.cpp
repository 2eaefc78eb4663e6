#include <cmath>

#include "kernels/logistic_likelihood/logistic_likelihood.h"

namespace engram::kernels {

Cost logistic_likelihood_cost(dim_t rows) {
  return {rows * 17, rows * 24, rows * 60};
}

namespace reference {

void logistic_likelihood(const LogisticLikelihoodArgs& args) {
  double loglik = 0;
  for (dim_t i = 0; i < args.rows; ++i) {
    const double eta = args.eta[i], w = args.weight[i];
    const double p = 1 / (1 + std::exp(-eta)), q = 1 / (1 + std::exp(eta));
    const double log1p_exp = eta > 0 ? eta + std::log1p(std::exp(-eta)) : std::log1p(std::exp(eta));
    loglik += w * ((args.response[i] ? eta : 0) - log1p_exp);
    args.probability[i] = p;
    args.gradient[i] = w * (args.response[i] ? q : -p);
    args.curvature[i] = w * p * q;
  }
  *args.loglik = loglik;
}

}  // namespace reference

}  // namespace engram::kernels
