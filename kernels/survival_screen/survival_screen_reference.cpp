#include <cmath>
#include <vector>

#include "kernels/survival_screen/survival_screen.h"

namespace engram::kernels::reference {

double cox_loglik(const RiskSetView& risk, const double* x, dim_t q, const double* offset, const double* beta,
                  const CoxDerivatives& out) {
  const auto eta_of = [&](dim_t i) {
    double eta = offset ? offset[i] : 0;
    for (dim_t a = 0; a < q; ++a) eta += x[i * q + a] * beta[a];
    return eta;
  };
  double loglik = 0;
  for (dim_t a = 0; a < q; ++a) out.gradient[a] = 0;
  for (dim_t a = 0; a < q * q; ++a) out.information[a] = 0;
  for (dim_t i = 0; i < risk.patients; ++i) {
    if (!risk.event[i]) continue;
    loglik += risk.weight[i] * eta_of(i);
    for (dim_t a = 0; a < q; ++a) out.gradient[a] += risk.weight[i] * x[i * q + a];
  }
  for (dim_t g = 0; g < risk.groups; ++g) {
    for (dim_t t = risk.group_terms[g]; t < risk.group_terms[g + 1]; ++t) {
      // Weighted moments over the risk set; this group's deaths count less by the term's fraction.
      double s0 = 0;
      std::vector<double> s1(static_cast<std::size_t>(q)), s2(static_cast<std::size_t>(q * q));
      for (dim_t i = 0; i < risk.group_end[g]; ++i) {
        const bool dies_now = risk.event[i] && risk.first_group[i] == g;
        const double theta = risk.weight[i] * std::exp(eta_of(i)) * (dies_now ? 1 - risk.term_fraction[t] : 1);
        s0 += theta;
        for (dim_t a = 0; a < q; ++a) {
          s1[static_cast<std::size_t>(a)] += theta * x[i * q + a];
          for (dim_t b = 0; b < q; ++b) s2[static_cast<std::size_t>(a * q + b)] += theta * x[i * q + a] * x[i * q + b];
        }
      }
      const double weight = risk.term_weight[t];
      loglik -= weight * std::log(s0);
      for (dim_t a = 0; a < q; ++a) {
        const double mean_a = s1[static_cast<std::size_t>(a)] / s0;
        out.gradient[a] -= weight * mean_a;
        for (dim_t b = 0; b < q; ++b) {
          const double mean_b = s1[static_cast<std::size_t>(b)] / s0;
          out.information[a * q + b] += weight * (s2[static_cast<std::size_t>(a * q + b)] / s0 - mean_a * mean_b);
        }
      }
    }
  }
  return loglik;
}

}  // namespace engram::kernels::reference
