#include "models/survival/aft_entries.h"

#include <cmath>

#include "kernels/aft_likelihood/aft_likelihood.h"

namespace engram::survival {

AftEntries::AftEntries(std::span<const double> entry, std::span<const double> weight) : event_(entry.size(), 0) {
  for (std::size_t i = 0; i < entry.size(); ++i) {
    const bool late = entry[i] > 0;
    log_entry_.push_back(late ? std::log(entry[i]) : 0);
    weight_.push_back(late ? weight[i] : 0);
  }
}

AftEntries::Part AftEntries::part(const kernels::AftLikelihoodArgs& args) const {
  const std::size_t rows = log_entry_.size();
  if (empty()) return {};
  Part part{std::vector<double>(rows), std::vector<double>(rows), std::vector<double>(rows)};
  kernels::AftLikelihoodArgs at_entry = args;
  at_entry.log_time = log_entry_.data();
  at_entry.event = event_.data();
  at_entry.weight = weight_.data();
  at_entry.gradient = part.gradient.data();
  at_entry.curvature = part.curvature.data();
  at_entry.mixed = part.mixed.data();
  at_entry.totals = part.totals;
  kernels::kCpuAftLikelihood.likelihood({}, at_entry);
  return part;
}

void AftEntries::likelihood(const kernels::AftLikelihoodArgs& args) const {
  kernels::kCpuAftLikelihood.likelihood({}, args);
  if (empty()) return;
  const Part entered = part(args);
  for (std::size_t i = 0; i < log_entry_.size(); ++i) {
    args.gradient[i] -= entered.gradient[i];
    args.curvature[i] -= entered.curvature[i];
    args.mixed[i] -= entered.mixed[i];
  }
  for (int k = 0; k < 4; ++k) args.totals[k] -= entered.totals[k];
}

}  // namespace engram::survival
