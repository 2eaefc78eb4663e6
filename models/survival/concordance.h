#pragma once
/// Concordance of predicted risks with survival (Harrell 1982; Uno et al. 2011), in O(n log n).

#include <span>
#include <vector>

#include "kernels/concordance/concordance.h"
#include "models/survival/outcome.h"

namespace engram::survival {

/// How the comparable pairs of an event are weighted.
enum class PairWeight {
  kHarrell,  ///< 1
  kUno,      ///< 1 / G(time-)^2, G the Kaplan-Meier estimate of the censoring times
};

struct ConcordanceOptions {
  PairWeight weight = PairWeight::kHarrell;
  double tau = 0;                          ///< if positive: only events before tau count
  bool standard_error = false;             ///< also compute it (twice the work)
  std::vector<std::int32_t> cluster = {};  ///< for the standard error; one label a patient; empty: each its own
};

/// Pair counts (sums of products of case weights, times the pair weight) and the index.
struct Concordance {
  double concordant = 0;  ///< the earlier event has the larger risk
  double discordant = 0;
  double tied_risk = 0;       ///< comparable, equal risks
  double tied_time = 0;       ///< both events at one time, unequal risks: not comparable
  double tied_both = 0;       ///< both events at one time, equal risks
  double index = 0.5;         ///< (concordant + tied_risk / 2) / comparable; 0.5 if nothing is comparable
  double standard_error = 0;  ///< infinitesimal jackknife; 0 unless asked for

  double comparable() const { return concordant + discordant + tied_risk; }
};

/// Pairs are comparable if the earlier time is an event, or at equal times if one is an event and the other is
/// censored; only within strata, and with entry times only if the later one is at risk then. Larger `risk` means
/// earlier event. Throws as check_outcome, ShapeError for risks of another length and DataError for a risk that is not
/// finite.
Concordance concordance(const SurvivalOutcome& outcome, std::span<const double> risk,
                        const ConcordanceOptions& options = {});

}  // namespace engram::survival
