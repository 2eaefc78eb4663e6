#include "models/genes/reselection.h"

#include <algorithm>

#include "kernels/common/error.h"
#include "models/genes/gene_scan.h"
#include "models/genes/parallel_runs.h"
#include "models/genes/residual_replicates.h"

namespace engram::genes {
namespace {

std::vector<double> listed_statistics(const Cohort& replicate, const PipelineOptions& options,
                                      const std::vector<dim_t>& held, const std::function<bool()>& stop) {
  Selection selection;
  try {
    selection = select_genes(replicate, options, {}, stop);
  } catch (const DataError&) {
    return {};
  }
  if (selection.interrupted) return {};
  const Cohort patients = usable_patients(replicate, selection.likelihood);
  const GeneScan scan(patients,
                      {.likelihood = selection.likelihood, .adjust = selection.prognostic.genes, .held = held});
  std::vector<double> statistics;
  for (const SelectedGene& g : selection.genes)
    if (std::ranges::find(held, g.gene) == held.end() && scan.testable(g.gene))
      statistics.push_back(scan.z()[std::size_t(g.gene)]);
  return statistics;
}

}  // namespace

std::vector<double> listed_without_effect(const Cohort& cohort, const PipelineOptions& options,
                                          const Selection& selection, const std::vector<dim_t>& held,
                                          const std::function<void(int done)>& progress,
                                          const std::function<bool()>& stop) {
  const ResidualReplicates replicates(cohort, held, selection.prognostic.genes, selection.likelihood);
  PipelineOptions again = without_slow_checks(options);
  again.likelihood = selection.likelihood;
  again.wrapper.seeds = 1;
  std::vector<std::vector<double>> listed(static_cast<std::size_t>(options.reselections));
  parallel_runs(
      options.reselections,
      [&](int r) { listed[std::size_t(r)] = listed_statistics(replicates.draw(options.seed, r), again, held, stop); },
      progress, stop);
  std::vector<double> all;
  for (const std::vector<double>& some : listed) all.insert(all.end(), some.begin(), some.end());
  return all;
}

}  // namespace engram::genes
