#include <algorithm>
#include <cmath>

#include "models/genes/simulator_parts.h"

namespace engram::genes {
namespace {

void censor_by_shift(SimulationTruth& truth, Cohort& cohort) {
  const SimulatorSettings& s = truth.settings;
  const PurposeStream stream(truth.seed, "censoring");
  for (std::size_t i = 0; i < cohort.time.size(); ++i) {
    PurposeStream::Item item = stream.item(i);
    const double y = truth.uncensored_time[i];
    cohort.event[i] = item.uniform() >= s.censoring_rate;
    if (cohort.event[i]) continue;
    // A positive time comes up with probability 1 - e^(-y / shift) in each draw; the bound only guards against tiny y.
    constexpr int kMaxDraws = 1000;
    for (int draw = 0; draw < kMaxDraws; ++draw) {
      cohort.time[i] = y - s.censoring_shift * item.exponential();
      if (!s.redraw_negative_times || cohort.time[i] > 0) break;
    }
    if (s.redraw_negative_times && cohort.time[i] <= 0) cohort.time[i] = 0.5 * y;
  }
}

/// Censoring times with the log mu + drift_i + spread z_i; mu by bisection, so that the rate is met as closely as the
/// number of patients allows.
void censor_by_time(const std::vector<double>& log_time, const std::vector<double>& drift, SimulationTruth& truth,
                    Cohort& cohort) {
  const SimulatorSettings& s = truth.settings;
  const PurposeStream stream(truth.seed, "censoring");
  std::vector<double> log_censoring(log_time.size());
  for (std::size_t i = 0; i < log_time.size(); ++i)
    log_censoring[i] = drift[i] + s.censoring_spread * stream.item(i).normal();
  double low = -100, high = 100;
  for (int step = 0; step < 100; ++step) {
    const double middle = 0.5 * (low + high);
    dim_t censored = 0;
    for (std::size_t i = 0; i < log_time.size(); ++i) censored += middle + log_censoring[i] < log_time[i];
    (static_cast<double>(censored) > s.censoring_rate * static_cast<double>(log_time.size()) ? low : high) = middle;
  }
  for (std::size_t i = 0; i < log_time.size(); ++i) {
    const double log_limit = high + log_censoring[i];
    cohort.event[i] = log_limit >= log_time[i];
    if (!cohort.event[i]) cohort.time[i] = portable_exp(log_limit);
  }
}

}  // namespace

void draw_follow_up(const std::vector<double>& log_time, const std::vector<double>& clinical_risk,
                    SimulationTruth& truth, Cohort& cohort) {
  const SimulatorSettings& s = truth.settings;
  for (const double value : log_time) truth.uncensored_time.push_back(portable_exp(value));
  cohort.time = truth.uncensored_time;
  cohort.event.assign(cohort.time.size(), 1);
  std::vector<double> drift(log_time.size(), 0.0);
  switch (s.censoring) {
    case Censoring::kShift:
      censor_by_shift(truth, cohort);
      break;
    case Censoring::kInformative:
      for (std::size_t i = 0; i < drift.size(); ++i)
        drift[i] = clinical_risk[i] + s.hidden_on_survival * truth.hidden[i];
      [[fallthrough]];
    case Censoring::kRandom:
      censor_by_time(log_time, drift, truth, cohort);
      break;
  }
  if (s.time_grid > 0) {
    for (double& time : cohort.time) time = std::floor(time / s.time_grid + 0.5) * s.time_grid;
  }
}

}  // namespace engram::genes
