#include <cmath>
#include <numbers>

#include "kernels/aft_likelihood/aft_likelihood.h"
#include "kernels/common/sigmoid_f64.h"

namespace engram::kernels {
namespace {

/// Value and derivatives by z of eight rows; event is 1 or 0 in each lane.
struct ErrorLaw {
  Vec8d value, first, curvature;  ///< curvature = -second derivative
};

ENGRAM_ALWAYS_INLINE ErrorLaw logistic(Vec8d z, Vec8d event) {
  const Sigmoid s = sigmoid8d(z);
  const Vec8d terms = 1. + event;
  // 1 - 2 p of an event is q - p, which keeps its digits where z is large.
  return {event * z - terms * s.log1p_exp, event * s.q - s.p, terms * (s.p * s.q)};
}

ENGRAM_ALWAYS_INLINE ErrorLaw extreme_value(Vec8d z, Vec8d event) {
  const Vec8d e = exp8d(z);
  return {event * z - e, event - e, e};
}

/// phi(z) / Phi(-z) for z > 5 by the continued fraction of Mills' ratio (Abramowitz and Stegun 26.2.14).
double inverse_mills(double z) {
  double fraction = z;
  for (int k = 40; k >= 1; --k) fraction = z + k / fraction;
  return fraction;
}

/// The censored rows need erfc, lane by lane.
ENGRAM_ALWAYS_INLINE ErrorLaw normal(Vec8d z, Vec8d event) {
  const double log_sqrt_2pi = std::log(2 * std::numbers::pi) / 2;
  ErrorLaw law = {z * z * -0.5 - log_sqrt_2pi, -z, broadcast8d(1)};
  for (int lane = 0; lane < 8; ++lane) {
    if (event[lane] != 0) continue;
    const double t = z[lane];
    double ratio, log_survival;
    if (t > 5) {
      ratio = inverse_mills(t);
      log_survival = law.value[lane] - std::log(ratio);
    } else {
      const double survival = std::erfc(t / std::numbers::sqrt2) / 2;
      ratio = std::exp(law.value[lane]) / survival;
      log_survival = std::log(survival);
    }
    law.value[lane] = log_survival;
    law.first[lane] = -ratio;
    law.curvature[lane] = ratio * (ratio - t);
  }
  return law;
}

template <AftDistribution kDistribution>
ENGRAM_ALWAYS_INLINE void likelihood_rows(const AftLikelihoodArgs& args) {
  const double sigma = std::exp(args.log_sigma), inverse_sigma = 1 / sigma;
  Vec8d totals[4] = {};
  for (dim_t i = 0; i < args.rows; i += 8) {
    const dim_t count = std::min<dim_t>(8, args.rows - i);
    const bool full = count == 8;
    double lanes[8];
    for (int k = 0; k < 8; ++k) lanes[k] = k < int(count) && args.event[i + k] ? 1. : 0.;
    const Vec8d event = load8d(lanes);
    const auto load = [&](const double* p) { return full ? load8d(p + i) : load_partial8d(p + i, count, 0); };
    const Vec8d log_time = load(args.log_time), w = load(args.weight);
    // A row without weight counts as absent, however improbable: 0 times infinity is no number.
    const Vec8d z = w > 0. ? (log_time - load(args.eta)) * inverse_sigma : Vec8d{};
    ErrorLaw law;
    if constexpr (kDistribution == AftDistribution::kWeibull) law = extreme_value(z, event);
    if constexpr (kDistribution == AftDistribution::kLogNormal) law = normal(z, event);
    if constexpr (kDistribution == AftDistribution::kLogLogistic) law = logistic(z, event);
    const Vec8d curvature_z = law.curvature * z;
    totals[0] += w * (law.value - event * (args.log_sigma + log_time));
    totals[1] -= w * (event + z * law.first);
    totals[2] += w * z * (curvature_z - law.first);
    totals[3] += w * z * curvature_z;
    if (!args.gradient) continue;
    const Vec8d scaled = w * inverse_sigma;
    const auto store = [&](double* p, Vec8d v) { full ? store8d(p + i, v) : store_partial8d(p + i, v, count); };
    store(args.gradient, -scaled * law.first);
    store(args.curvature, scaled * inverse_sigma * law.curvature);
    store(args.mixed, scaled * (curvature_z - law.first));
  }
  for (int k = 0; k < 4; ++k) args.totals[k] = sum_lanes8d(totals[k]);
}

ENGRAM_MULTIVERSION void weibull_rows(const AftLikelihoodArgs& args) {
  likelihood_rows<AftDistribution::kWeibull>(args);
}
ENGRAM_MULTIVERSION void log_normal_rows(const AftLikelihoodArgs& args) {
  likelihood_rows<AftDistribution::kLogNormal>(args);
}
ENGRAM_MULTIVERSION void log_logistic_rows(const AftLikelihoodArgs& args) {
  likelihood_rows<AftDistribution::kLogLogistic>(args);
}

void likelihood(Stream, const AftLikelihoodArgs& args) {
  switch (args.distribution) {
    case AftDistribution::kWeibull:
      return weibull_rows(args);
    case AftDistribution::kLogNormal:
      return log_normal_rows(args);
    case AftDistribution::kLogLogistic:
      return log_logistic_rows(args);
  }
}

}  // namespace

const AftLikelihoodKernels kCpuAftLikelihood = {.likelihood = likelihood};

}  // namespace engram::kernels
