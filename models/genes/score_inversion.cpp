#include "models/genes/score_inversion.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/genes/few_genes.h"
#include "models/genes/term_design.h"

namespace engram::genes {
namespace {

constexpr double kFarthestErrors = 40;    // errors from no effect
constexpr double kScorePrecision = 1e-3;  // of the statistic
constexpr int kInversionSteps = 20;       // of an iteration that takes about five

}  // namespace

ScoreInversion::ScoreInversion(const Cohort& cohort, const ScanOptions& options, dim_t gene, double error)
    : options_(options), error_(error) {
  std::vector<dim_t> genes = {gene};
  options_.adjust = positions(options.adjust, genes);
  if (std::ranges::find(options_.adjust, gene_) == options_.adjust.end()) options_.adjust.push_back(gene_);
  options_.held = positions(options.held, genes);
  options_.own_curvature = true;
  patients_ = with_genes(cohort, genes);
  column_ = product_column(patients_, gene_);
  for (double& x : column_) x *= benefit_sign(options.likelihood);
}

double ScoreInversion::statistic(double effect) {
  const auto known = known_.find(effect);
  if (known != known_.end()) return known->second;
  patients_.offset = column_;
  for (double& x : patients_.offset) x *= effect;
  const GeneScan scan(patients_, options_);
  const bool told = scan.testable(gene_);
  return known_[effect] = told ? scan.z()[std::size_t(gene_)] : std::numeric_limits<double>::quiet_NaN();
}

std::optional<double> ScoreInversion::effect_at(double z) {
  statistic(0);
  // Two effects between whose statistics z lies, from what is known and steps outwards.
  double low = 0, high = 0;
  for (const auto& [effect, at] : known_) {
    if (at >= z) low = effect;
    if (at <= z) {
      high = effect;
      break;
    }
  }
  for (double step = error_; statistic(low) < z; step *= 1.6) {
    high = low;
    low -= step;
    if (low < -kFarthestErrors * error_) return std::nullopt;
  }
  for (double step = error_; statistic(high) > z; step *= 1.6) {
    low = high;
    high += step;
    if (high > kFarthestErrors * error_) return std::nullopt;
  }
  if (std::isnan(statistic(low)) || std::isnan(statistic(high))) return std::nullopt;
  // The Illinois variant of the rule of false position.
  double above = statistic(low) - z, below = statistic(high) - z, middle = low;
  for (int step = 0, side = 0; step < kInversionSteps && above > below; ++step) {
    middle = low + (high - low) * above / (above - below);
    const double at = statistic(middle) - z;
    if (std::isnan(at)) return std::nullopt;
    if (std::abs(at) < kScorePrecision) break;
    if (at > 0) {
      low = middle;
      above = at;
      if (side == 1) below /= 2;
      side = 1;
    } else {
      high = middle;
      below = at;
      if (side == -1) above /= 2;
      side = -1;
    }
  }
  return middle;
}

}  // namespace engram::genes
