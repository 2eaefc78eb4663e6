#include "models/genes/score_inversion.h"

#include <algorithm>
#include <cmath>

#include "models/genes/term_design.h"

namespace engram::genes {
namespace {

constexpr double kFarthestErrors = 40;    // errors from no effect
constexpr double kScorePrecision = 1e-3;  // of the statistic
constexpr int kInversionSteps = 20;       // of an iteration that takes about five

/// The cohort with these genes alone.
Cohort with_genes(const Cohort& cohort, const std::vector<dim_t>& genes) {
  Cohort few = cohort;
  few.gene_names.clear();
  std::vector<std::uint64_t> bits;
  for (const dim_t gene : genes) {
    few.gene_names.push_back(cohort.gene_names[std::size_t(gene)]);
    const auto column = cohort.genes.bits(gene);
    bits.insert(bits.end(), column.begin(), column.end());
  }
  few.genes = GeneColumns(cohort.num_patients(), dim_t(genes.size()), std::move(bits));
  return few;
}

/// Positions of some genes in a list that holds them; those that it lacks are added.
std::vector<dim_t> positions(const std::vector<dim_t>& some, std::vector<dim_t>& all) {
  std::vector<dim_t> at;
  for (const dim_t gene : some) {
    const auto found = std::ranges::find(all, gene);
    at.push_back(found - all.begin());
    if (found == all.end()) all.push_back(gene);
  }
  return at;
}

}  // namespace

ScoreInversion::ScoreInversion(const Cohort& cohort, const ScanOptions& options, dim_t gene, double z, double error)
    : options_(options), error_(error) {
  std::vector<dim_t> genes = {gene};
  options_.adjust = positions(options.adjust, genes);
  options_.held = positions(options.held, genes);
  patients_ = with_genes(cohort, genes);
  column_ = product_column(patients_, gene_);
  for (double& x : column_) x *= benefit_sign(options.likelihood);
  // A scan of few genes does not know what fits take of all genes by chance (GeneScan).
  const double alone = statistic(0);
  if (alone * z > 0) scale_ = z / alone;
  known_ = {{0, z}};
}

double ScoreInversion::statistic(double effect) {
  const auto known = known_.find(effect);
  if (known != known_.end()) return known->second;
  patients_.offset = column_;
  for (double& x : patients_.offset) x *= effect;
  return known_[effect] = scale_ * GeneScan(patients_, options_).z()[std::size_t(gene_)];
}

std::optional<double> ScoreInversion::effect_at(double z) {
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
  // The Illinois variant of the rule of false position.
  double above = statistic(low) - z, below = statistic(high) - z, middle = low;
  for (int step = 0, side = 0; step < kInversionSteps && above > below; ++step) {
    middle = low + (high - low) * above / (above - below);
    const double at = statistic(middle) - z;
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
