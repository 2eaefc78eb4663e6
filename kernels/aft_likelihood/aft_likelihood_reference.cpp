#include <cmath>
#include <numbers>

#include "kernels/aft_likelihood/aft_likelihood.h"

namespace engram::kernels {

Cost aft_likelihood_cost(dim_t rows) {
  return {rows * 25, rows * 24, rows * 80};
}

namespace reference {
namespace {

/// Log density (event) or log survival (censored) of the error at z, and its first two derivatives.
struct ErrorLaw {
  double value, first, second;
};

ErrorLaw logistic(double z, bool event) {
  const double log1p_exp = z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
  const double p = 1 / (1 + std::exp(-z)), q = 1 / (1 + std::exp(z));
  if (event) return {z - 2 * log1p_exp, 1 - 2 * p, -2 * p * q};
  return {-log1p_exp, -p, -p * q};
}

ErrorLaw extreme_value(double z, bool event) {
  const double e = std::exp(z);
  if (event) return {z - e, 1 - e, -e};
  return {-e, -e, -e};
}

/// phi(z) / Phi(-z) by the continued fraction of Mills' ratio (Abramowitz and Stegun 26.2.14), z >= 5.
double inverse_mills(double z) {
  double fraction = z;
  for (int k = 60; k >= 1; --k) fraction = z + k / fraction;
  return fraction;
}

ErrorLaw normal(double z, bool event) {
  const double log_density = -z * z / 2 - std::log(2 * std::numbers::pi) / 2;
  if (event) return {log_density, -z, -1};
  const double survival = std::erfc(z / std::numbers::sqrt2) / 2;
  const double ratio = z > 5 ? inverse_mills(z) : std::exp(log_density) / survival;
  const double log_survival = z > 5 ? log_density - std::log(ratio) : std::log(survival);
  return {log_survival, -ratio, -ratio * (ratio - z)};
}

ErrorLaw law_at(AftDistribution distribution, double z, bool event) {
  switch (distribution) {
    case AftDistribution::kWeibull:
      return extreme_value(z, event);
    case AftDistribution::kLogNormal:
      return normal(z, event);
    case AftDistribution::kLogLogistic:
      return logistic(z, event);
  }
  return {};
}

}  // namespace

void aft_likelihood(const AftLikelihoodArgs& args) {
  const double sigma = std::exp(args.log_sigma);
  for (int k = 0; k < 4; ++k) args.totals[k] = 0;
  for (dim_t i = 0; i < args.rows; ++i) {
    const double z = (args.log_time[i] - args.eta[i]) / sigma, w = args.weight[i];
    const bool event = args.event[i] != 0;
    const ErrorLaw law = law_at(args.distribution, z, event);
    args.totals[0] += w * (law.value - (event ? args.log_sigma + args.log_time[i] : 0));
    args.totals[1] += w * (-double(event) - z * law.first);
    args.totals[2] += w * (-law.second * z * z - z * law.first);
    args.totals[3] += w * -law.second * z * z;
    if (!args.gradient) continue;
    args.gradient[i] = -w * law.first / sigma;
    args.curvature[i] = -w * law.second / (sigma * sigma);
    args.mixed[i] = w * (-law.second * z - law.first) / sigma;
  }
}

}  // namespace reference

}  // namespace engram::kernels
