#include "models/genes/reselection.h"

#include <algorithm>

#include "kernels/common/error.h"
#include "models/genes/gene_scan.h"
#include "models/genes/parallel_runs.h"
#include "models/genes/residual_replicates.h"

namespace engram::genes {
namespace {

ListingDraws draws_of(const Cohort& replicate, const PipelineOptions& options, const std::vector<dim_t>& held,
                      const std::function<bool()>& stop) {
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
  const std::vector<dim_t> listed = listed_genes(selection);
  ListingDraws draws;
  for (dim_t gene = 0; gene < scan.num_genes(); ++gene) {
    if (!scan.testable(gene) || std::ranges::find(held, gene) != held.end()) continue;
    draws.z.push_back(scan.z()[std::size_t(gene)]);
    draws.listed.push_back(std::ranges::find(listed, gene) != listed.end());
  }
  return draws;
}

}  // namespace

int repeats_for(int reselections, dim_t genes) {
  constexpr dim_t kGenesThatTell = 40;
  return reselections * int(genes > 0 ? (kGenesThatTell + genes - 1) / genes : 1);
}

ListingDraws listed_without_effect(const Cohort& cohort, const PipelineOptions& options, const Selection& selection,
                                   const std::vector<dim_t>& held, const std::function<void(int done)>& progress,
                                   const std::function<bool()>& stop) {
  const ResidualReplicates replicates(cohort, held, selection.prognostic.genes, selection.likelihood);
  PipelineOptions again = without_slow_checks(options);
  again.likelihood = selection.likelihood;
  again.wrapper.seeds = 1;
  const int repeats = repeats_for(options.reselections, cohort.num_genes());
  std::vector<ListingDraws> draws(static_cast<std::size_t>(repeats));
  parallel_runs(
      repeats, [&](int r) { draws[std::size_t(r)] = draws_of(replicates.draw(options.seed, r), again, held, stop); },
      progress, stop);
  ListingDraws all;
  for (const ListingDraws& some : draws) {
    all.z.insert(all.z.end(), some.z.begin(), some.z.end());
    all.listed.insert(all.listed.end(), some.listed.begin(), some.listed.end());
  }
  return all;
}

}  // namespace engram::genes
