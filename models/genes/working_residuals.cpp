#include "models/genes/working_residuals.h"

#include <cmath>
#include <numeric>

namespace engram::genes {

WorkingResiduals::WorkingResiduals(const Cohort& cohort, const TermModel& model, const TermFit& fit)
    : cox_(model.likelihood() == Likelihood::kCox), weight_(cohort.weight), entry_(cohort.entry), event_(cohort.event) {
  const std::size_t n = event_.size();
  if (weight_.empty()) weight_.assign(n, 1.0);
  if (cox_) {
    expected_ = model.residuals(fit);
    for (std::size_t i = 0; i < n; ++i) expected_[i] += event_[i];
  } else {
    distribution_ = survival::parse_distribution(likelihood_name(model.likelihood()));
    log_sigma_ = fit.parameters.back();
    location_ = model.locations(fit);
    for (const double time : cohort.time) log_time_.push_back(std::log(time));
  }
  std::vector<std::uint32_t> all(n);
  std::iota(all.begin(), all.end(), 0U);
  residual_.resize(n);
  curvature_.resize(n);
  at_shift(all, 0, residual_.data(), curvature_.data());
}

void WorkingResiduals::at_shift(std::span<const std::uint32_t> who, double shift, double* residual,
                                double* curvature) const {
  if (cox_) {
    const double factor = std::exp(-shift);
    for (std::size_t k = 0; k < who.size(); ++k) {
      const double expected = expected_[who[k]] * factor;
      residual[k] = weight_[who[k]] * (expected - event_[who[k]]);
      curvature[k] = weight_[who[k]] * expected;
    }
    return;
  }
  std::vector<double> eta, log_time, weight, entry, mixed(who.size());
  std::vector<std::uint8_t> event;
  for (const std::uint32_t i : who) {
    eta.push_back(location_[i] + shift);
    log_time.push_back(log_time_[i]);
    weight.push_back(weight_[i]);
    if (!entry_.empty()) entry.push_back(entry_[i]);
    event.push_back(event_[i]);
  }
  double totals[4];
  survival::AftEntries(entry, weight)
      .likelihood({distribution_, dim_t(who.size()), eta.data(), log_time.data(), event.data(), weight.data(),
                   log_sigma_, residual, curvature, mixed.data(), totals});
}

}  // namespace engram::genes
