#include "models/genes/family_test.h"

#include <algorithm>

#include "models/genes/reference_law.h"

namespace engram::genes {

FamilyTest family_test(const Cohort& cohort, const FamilyOptions& options, const std::function<bool()>& stop) {
  const Cohort patients = usable_patients(cohort, options.likelihood);
  const auto genes = std::size_t(cohort.num_genes());
  FamilyTest test;
  test.replicates = options.replicates;
  test.z.assign(genes, 0);
  test.p.assign(genes, 1);
  std::vector<std::uint8_t> judged(genes);
  std::vector<dim_t> held;
  double least_p = 0;
  while (!(stop && stop())) {
    const GeneScan scan(patients, {.likelihood = options.likelihood, .adjust = options.adjust, .held = held});
    dim_t best = -1, tested = 0;
    for (dim_t gene = 0; gene < scan.num_genes(); ++gene) {
      if (judged[std::size_t(gene)] || !scan.testable(gene) || scan.few_carriers(gene)) continue;
      ++tested;
      if (best < 0 || scan.z()[std::size_t(gene)] > scan.z()[std::size_t(best)]) best = gene;
    }
    if (held.empty()) test.tested = tested;
    if (best < 0) break;
    test.maxima = null_maxima(scan, options.replicates, options.seed);
    test.fit_factor = scan.fit_factor();
    const auto p_of = [&](double z) { return std::max(least_p, family_wise_p(test.maxima, z)); };
    const double z = scan.z()[std::size_t(best)], p = p_of(z);
    test.steps.push_back({best, z, p});
    const bool stands_out = p < options.level && z > 0 && int(held.size()) < options.most;
    for (dim_t gene = 0; gene < scan.num_genes(); ++gene) {
      const auto j = std::size_t(gene);
      if (judged[j] || (stands_out && gene != best)) continue;
      if (!scan.testable(gene) || scan.few_carriers(gene)) continue;
      test.z[j] = scan.z()[j];
      test.p[j] = p_of(scan.z()[j]);
    }
    if (!stands_out) break;
    judged[std::size_t(best)] = 1;
    held.push_back(best);
    least_p = p;
  }
  return test;
}

std::vector<dim_t> standing_genes(const FamilyTest& test, double level) {
  std::vector<dim_t> standing;
  for (const FamilyStep& step : test.steps)
    if (step.p < level && step.z > 0) standing.push_back(step.gene);
  return standing;
}

}  // namespace engram::genes
