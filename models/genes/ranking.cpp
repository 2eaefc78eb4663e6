#include "models/genes/ranking.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/common/parallel.h"
#include "models/genes/final_model.h"
#include "models/genes/fitness/arm_contrast.h"
#include "models/genes/gene_scan.h"
#include "models/genes/score_inversion.h"
#include "models/genes/selective_interval.h"

namespace engram::genes {
namespace {

constexpr double kRivalCorrelation = 0.5, kClearDuel = 4, kBothScales = 3.84;  // 3.84: 5 % of chi-square with 1 df
constexpr dim_t kWorkOfGene = 1 << 20;                                         // a gene's intervals are worth a thread

std::vector<dim_t> columns_of(const std::vector<SelectedGene>& genes) {
  std::vector<dim_t> columns;
  for (const SelectedGene& g : genes) columns.push_back(g.gene);
  return columns;
}

void sort_by_score(std::vector<SelectedGene>& genes) {
  std::stable_sort(genes.begin(), genes.end(),
                   [](const SelectedGene& a, const SelectedGene& b) { return a.score > b.score; });
}

/// Likelihood ratios and signs of the genes in their joint model become scores.
void score(const Cohort& cohort, const Selection& selection, std::vector<SelectedGene>& genes) {
  const JointModel joint = fit_joint_model(cohort, columns_of(genes), selection.prognostic.genes, selection.likelihood);
  for (std::size_t i = 0; i < genes.size(); ++i) {
    genes[i].drop = joint.effects[i].drop;
    genes[i].direction_ok = joint.effects[i].signed_root > 0;
    genes[i].score = genes[i].direction_ok ? genes[i].seed_share * genes[i].drop : 0;
  }
}

/// Genes whose carriers are nearly those of `gene`.
std::vector<dim_t> rivals_of(const Cohort& cohort, dim_t gene) {
  std::vector<dim_t> rivals;
  for (dim_t other = 0; other < cohort.num_genes(); ++other)
    if (other != gene && std::abs(carrier_correlation(cohort, gene, other)) > kRivalCorrelation)
      rivals.push_back(other);
  return rivals;
}

/// Lets the gene at `index` meet its rivals in the joint model of all the others; the winner takes the place.
void fight(const Cohort& cohort, const Selection& selection, std::vector<SelectedGene>& genes, std::size_t index) {
  for (dim_t rival : rivals_of(cohort, genes[index].gene)) {
    std::vector<dim_t> columns = columns_of(genes);
    if (std::ranges::find(columns, rival) != columns.end()) continue;  // both are listed: the joint model decides
    columns.push_back(rival);
    const JointModel joint = fit_joint_model(cohort, columns, selection.prognostic.genes, selection.likelihood);
    Duel duel;
    duel.rival = rival;
    duel.correlation = carrier_correlation(cohort, genes[index].gene, rival);
    duel.drop_gene = joint.effects[index].drop;
    duel.drop_rival = joint.effects.back().drop;
    duel.ambiguous = std::abs(duel.drop_gene - duel.drop_rival) < kClearDuel;
    if (duel.drop_rival > duel.drop_gene && joint.effects.back().signed_root > 0) {
      std::swap(duel.rival, genes[index].gene);
      std::swap(duel.drop_gene, duel.drop_rival);
    }
    genes[index].duels.push_back(duel);
  }
}

/// A candidate as it enters the list.
SelectedGene listed(const Selection& selection, dim_t gene) {
  const auto found = std::ranges::find(selection.filtered, gene, &FilteredGene::gene);
  const std::size_t i = std::size_t(found - selection.filtered.begin());
  SelectedGene g;
  g.gene = gene;
  g.seed_share = selection.wrapper.seed_share[i];
  g.usage = selection.wrapper.usage[i];
  return g;
}

/// Goes on with forward selection until the list is full.
void fill(const Cohort& cohort, const PipelineOptions& options, const Selection& selection,
          std::vector<SelectedGene>& genes) {
  const int missing = options.genes - int(genes.size());
  if (missing <= 0) return;
  std::vector<dim_t> candidates;
  for (const FilteredGene& f : selection.filtered) candidates.push_back(f.gene);
  for (dim_t gene :
       next_genes(cohort, columns_of(genes), selection.prognostic.genes, candidates, selection.likelihood, missing))
    genes.push_back(listed(selection, gene));
}

}  // namespace

double carrier_correlation(const Cohort& cohort, dim_t a, dim_t b) {
  const auto x = cohort.genes.bits(a), y = cohort.genes.bits(b);
  double both = 0;
  for (std::size_t w = 0; w < x.size(); ++w) both += std::popcount(x[w] & y[w]);
  const double n = double(cohort.num_patients()), p = double(cohort.genes.count(a)) / n,
               q = double(cohort.genes.count(b)) / n, variance = p * (1 - p) * q * (1 - q);
  return variance > 0 ? (both / n - p * q) / std::sqrt(variance) : 0;
}

std::vector<SelectedGene> rank_default(const Cohort& cohort, const PipelineOptions& options, Selection& selection) {
  std::vector<dim_t> members;
  for (int j : selection.wrapper.best.members()) members.push_back(selection.filtered[std::size_t(j)].gene);
  members = strongest_genes(cohort, std::move(members), selection.prognostic.genes, selection.likelihood,
                            std::size_t(options.genes));
  std::vector<SelectedGene> genes;
  for (dim_t gene : members) {
    genes.push_back(listed(selection, gene));
    genes.back().in_set = true;
  }
  if (!genes.empty()) {
    for (std::size_t i = 0; i < genes.size(); ++i) fight(cohort, selection, genes, i);
    score(cohort, selection, genes);
    std::erase_if(genes, [](const SelectedGene& g) { return !g.direction_ok; });
    sort_by_score(genes);
  }
  const auto behind = std::ptrdiff_t(genes.size());
  fill(cohort, options, selection, genes);
  score(cohort, selection, genes);
  // Those that fill the list stand behind the set, whatever they seem worth.
  std::stable_sort(genes.begin(), genes.begin() + behind,
                   [](const SelectedGene& a, const SelectedGene& b) { return a.score > b.score; });
  return genes;
}

std::vector<SelectedGene> rank_by_arms(const Cohort& cohort, const PipelineOptions& options,
                                       const Selection& selection) {
  std::vector<dim_t> candidates;
  for (const FilteredGene& f : selection.filtered) candidates.push_back(f.gene);
  FitnessOptions refit;
  refit.kind = Fitness::kArmContrast;
  refit.clinical = true;
  const ArmContrastObjective objective(cohort, candidates, refit);
  const ArmCoefficients arms = objective.coefficients(selection.wrapper.best, false);
  const std::vector<int> members = selection.wrapper.best.members();
  std::vector<SelectedGene> genes;
  for (std::size_t i = 0; i < members.size(); ++i) {
    SelectedGene g;
    g.gene = candidates[std::size_t(members[i])];
    g.in_set = true;
    g.score = arms.difference(i);
    g.seed_share = selection.wrapper.seed_share[std::size_t(members[i])];
    g.usage = selection.wrapper.usage[std::size_t(members[i])];
    genes.push_back(g);
  }
  sort_by_score(genes);
  if (int(genes.size()) > options.genes) genes.resize(std::size_t(options.genes));
  return genes;
}

void describe_genes(const Cohort& cohort, const Selection& selection, bool robust, std::vector<SelectedGene>& genes) {
  const std::vector<dim_t> columns = columns_of(genes);
  const auto fit = [&](Likelihood likelihood) {
    return fit_joint_model(cohort, columns, selection.prognostic.genes, likelihood, robust);
  };
  const JointModel joint = fit(selection.likelihood), other = fit(selection.other_likelihood);
  for (std::size_t i = 0; i < genes.size(); ++i) {
    SelectedGene& g = genes[i];
    g.carriers = cohort.genes.count(g.gene);
    for (dim_t patient = 0; patient < cohort.num_patients(); ++patient)
      g.carriers_treated += cohort.genes.at(patient, g.gene) && cohort.treatment[std::size_t(patient)] != 0;
    const JointEffect &a = joint.effects[i], &b = other.effects[i];
    g.effect = a.effect;
    g.se = robust ? a.robust_se : a.se;
    g.main_effect = a.main_effect;
    g.main_se = a.main_se;
    g.drop = a.drop;
    g.other_effect = b.effect;
    g.other_se = robust ? b.robust_se : b.se;
    g.other_drop = b.drop;
    g.direction_ok = a.signed_root > 0;
    g.both_scales = a.drop > kBothScales && b.drop > kBothScales && (a.signed_root > 0) == (b.signed_root > 0);
    const double log_hazard = selection.likelihood == Likelihood::kCox ? a.effect : b.effect;
    g.e_value = survival::e_value(std::exp(std::clamp(log_hazard, -20.0, 20.0)));
  }
}

void declare_listed(const std::vector<Claim>& claims, std::vector<SelectedGene>& genes) {
  const auto is_declared = [&](dim_t gene) {
    return std::ranges::any_of(claims, [&](const Claim& c) { return c.gene == gene && c.told_apart(); });
  };
  for (const Claim& claim : claims) {
    std::vector<dim_t> group = claim.alternatives;
    group.push_back(claim.gene);
    const bool group_alone = std::ranges::none_of(group, is_declared);
    for (SelectedGene& g : genes) {
      if (g.gene == claim.gene) g.apart_p = claim.p;
      if (!g.direction_ok || !g.both_scales || std::ranges::find(group, g.gene) == group.end()) continue;
      g.declared |= claim.told_apart();
      if (!group_alone || g.group_declared) continue;
      g.group_declared = true;
      g.alternatives = group;
      std::erase(g.alternatives, g.gene);
      std::ranges::sort(g.alternatives);
    }
  }
}

void selective_effects(const Cohort& cohort, const Selection& selection, const std::vector<dim_t>& held,
                       std::vector<SelectedGene>& genes) {
  if (!selection.listing.known) return;
  const Likelihood likelihood = selection.likelihood;
  const Cohort patients = usable_patients(cohort, likelihood);
  const double reach = simultaneous_reach(double(cohort.num_genes())), sign = benefit_sign(likelihood);
  ScanOptions others;
  others.likelihood = likelihood;
  others.adjust = selection.prognostic.genes;
  others.held = held;
  const GeneScan scan(patients, others);
  kernels::parallel_for(dim_t(genes.size()), kWorkOfGene, [&](dim_t i) {
    SelectedGene& g = genes[std::size_t(i)];
    ScanOptions options = others;
    std::erase(options.held, g.gene);
    options.fit_factor = scan.fit_factor();
    std::vector<dim_t> columns = options.held;
    columns.push_back(g.gene);
    const double se = fit_joint_model(cohort, columns, options.adjust, likelihood, true).effects.back().robust_se;
    if (!(se > 0)) return;
    ScoreInversion inversion(patients, options, g.gene, se);
    const double z = inversion.statistic(0);
    if (z == 0 || std::isnan(z)) return;
    const SelectiveInterval given = selective_interval(z, selection.listing, reach);
    // With few carriers the score is bounded; what it does not reach lies on the line through no effect and estimate.
    const double unit = inversion.effect_at(0).value_or(z * se) / z;
    const auto effect = [&](double mean) { return inversion.effect_at(z - mean).value_or(mean * unit); };
    // The line may run inside the curve that it goes on from: an end is never nearer than the estimate.
    const double estimate = effect(given.estimate);
    const double low = std::min(effect(given.low), estimate), high = std::max(effect(given.high), estimate);
    g.selective = {sign * estimate, sign * (sign > 0 ? low : high), sign * (sign > 0 ? high : low), se};
  });
}

}  // namespace engram::genes
