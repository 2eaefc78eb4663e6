#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "kernels/common/error.h"
#include "models/genes/cohort_checks.h"
#include "models/genes/gene_scan.h"
#include "models/genes/screens.h"
#include "models/genes/term_design.h"
#include "models/survival/cox_fit.h"

namespace engram::genes {
namespace {

std::size_t at(dim_t j) {
  return static_cast<std::size_t>(j);
}

/// Genes by `benefit`, largest first, ties by column; only those above 0.
std::vector<dim_t> best_genes(const std::vector<double>& benefit, dim_t keep) {
  std::vector<dim_t> order;
  for (dim_t j = 0; j < static_cast<dim_t>(benefit.size()); ++j) {
    if (benefit[at(j)] > 0) order.push_back(j);
  }
  std::stable_sort(order.begin(), order.end(), [&](dim_t a, dim_t b) { return benefit[at(a)] > benefit[at(b)]; });
  if (static_cast<dim_t>(order.size()) > keep) order.resize(at(keep));
  return order;
}

/// How much a statistic speaks for more benefit: z in the direction `sign`, or |z| if the direction does not matter.
std::vector<double> benefits(const std::vector<double>& z, double sign, bool benefit_only) {
  std::vector<double> out;
  for (const double value : z) out.push_back(benefit_only ? sign * value : std::abs(value));
  return out;
}

/// Studentised scores of the products where patients are observed from an entry on, of which the screens' kernels know
/// nothing.
std::vector<double> scan_statistics(const Cohort& cohort, Likelihood likelihood) {
  ScanOptions options;
  options.likelihood = likelihood;
  std::vector<double> z = GeneScan(usable_patients(cohort, likelihood), options).z();
  for (double& value : z) value *= benefit_sign(likelihood);
  return z;
}

/// z of the Cox screen; 0 for genes that the exact refit leaves out.
std::vector<double> cox_statistics(const Cohort& cohort, const FilterOptions& options) {
  if (!cohort.entry.empty()) return scan_statistics(cohort, Likelihood::kCox);
  const GeneTests one_step = score_screen(cohort, {.ties = options.ties, .adjust = true, .device = options.device}).os;
  if (!options.exact) return one_step.z;
  const std::vector<dim_t> shortlist =
      best_genes(benefits(one_step.z, -1, options.benefit_only), std::max(options.shortlist, options.from_cox));
  std::vector<double> z(one_step.z.size(), 0.0);
  if (shortlist.empty()) return z;
  const GeneTests exact = tests_of(screen_c(cohort, options.ties, shortlist, options.device), "C");
  for (std::size_t k = 0; k < shortlist.size(); ++k) z[at(shortlist[k])] = exact.z[k];
  return z;
}

/// z of the log-time screen.
std::vector<double> log_time_statistics(const Cohort& cohort, const Device& device) {
  return cohort.entry.empty() ? aft_screen(cohort, device).z : scan_statistics(cohort, Likelihood::kLogLogistic);
}

/// Rank of each gene in a list; beyond any list for the others.
std::vector<dim_t> ranks_of(const std::vector<dim_t>& list, dim_t genes) {
  std::vector<dim_t> rank(at(genes), std::numeric_limits<dim_t>::max());
  for (std::size_t k = 0; k < list.size(); ++k) rank[at(list[k])] = static_cast<dim_t>(k);
  return rank;
}

}  // namespace

std::vector<FilteredGene> default_filter(const Cohort& cohort, const FilterOptions& options) {
  if (options.from_cox < 0 || options.from_aft < 0 || options.at_most < 1) {
    throw UsageError(message("[filter] expected sizes from 0 and at most 1 or more genes, got ", options.from_cox, ", ",
                             options.from_aft, " and ", options.at_most));
  }
  const std::vector<double> cox_z = cox_statistics(cohort, options);
  const std::vector<double> aft_z = log_time_statistics(cohort, options.device);
  const std::vector<dim_t> by_cox = best_genes(benefits(cox_z, -1, options.benefit_only), options.from_cox);
  const std::vector<dim_t> by_aft = best_genes(benefits(aft_z, 1, options.benefit_only), options.from_aft);
  const std::vector<dim_t> cox_rank = ranks_of(by_cox, cohort.num_genes()),
                           aft_rank = ranks_of(by_aft, cohort.num_genes());
  std::vector<dim_t> genes = by_cox;
  for (const dim_t j : by_aft) {
    if (cox_rank[at(j)] == std::numeric_limits<dim_t>::max()) genes.push_back(j);
  }
  const auto key = [&](dim_t j) {
    const auto [better, other] = std::minmax(cox_rank[at(j)], aft_rank[at(j)]);
    return std::tuple(better, other, j);
  };
  std::sort(genes.begin(), genes.end(), [&](dim_t a, dim_t b) { return key(a) < key(b); });
  if (static_cast<dim_t>(genes.size()) > options.at_most) genes.resize(at(options.at_most));
  std::vector<FilteredGene> out;
  for (const dim_t j : genes) out.push_back({.gene = j, .cox_z = cox_z[at(j)], .aft_z = aft_z[at(j)]});
  return out;
}

std::vector<FilteredGene> joint_filter(const Cohort& cohort, dim_t keep, TieMethod ties) {
  require_events(cohort);
  const dim_t terms = 1 + cohort.num_clinical() + cohort.num_genes();
  if (count_events(cohort) < 2 * terms) {
    throw DataError(message("[joint_filter] ", cohort.name, ": expected at least two deaths for each of the ", terms,
                            " terms of the joint model, got ", count_events(cohort),
                            " deaths; the default filter takes one gene at a time"));
  }
  survival::CovariateMatrix columns(cohort.num_patients());
  columns.reserve(terms);
  columns.add("Treatment", std::vector<double>(cohort.treatment.begin(), cohort.treatment.end()));
  for (dim_t k = 0; k < cohort.num_clinical(); ++k)
    columns.add(cohort.clinical_names[at(k)], cohort.clinical_column(k));
  std::vector<double> gene(at(cohort.num_patients()));
  for (dim_t j = 0; j < cohort.num_genes(); ++j) {
    cohort.genes.to_doubles(j, gene.data());
    columns.add(cohort.gene_names[at(j)], gene);
  }
  const survival::SurvivalDesign design(outcome_of(cohort), columns);
  const survival::CoxFit fit = survival::fit_cox(survival::CoxModel(design, {.ties = ties}), design.all_columns());
  std::vector<double> z;
  for (dim_t j = 0; j < cohort.num_genes(); ++j) z.push_back(fit.table[at(1 + cohort.num_clinical() + j)].z);
  std::vector<FilteredGene> out;
  for (const dim_t j : best_genes(benefits(z, 1, false), keep))
    out.push_back({.gene = j, .cox_z = z[at(j)], .aft_z = 0});
  return out;
}

}  // namespace engram::genes
