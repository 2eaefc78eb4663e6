#include "models/genes/telling_apart.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/parallel.h"
#include "models/genes/few_genes.h"
#include "models/genes/gene_scan.h"
#include "models/genes/ranking.h"
#include "models/genes/reference_law.h"

namespace engram::genes {
namespace {

constexpr dim_t kWorkOfPair = 1 << 20;  // worth a thread

/// A gene that stands out and one of its correlates.
struct Pair {
  std::size_t claim = 0;
  dim_t correlate = 0;
  double p = 1;
};

/// The gene's statistic in the model of the genes `held`.
double statistic_given(const Cohort& patients, const FamilyOptions& options, const FamilyTest& test, dim_t gene,
                       const std::vector<dim_t>& held) {
  std::vector<dim_t> genes = {gene};
  ScanOptions scan;
  scan.likelihood = options.likelihood;
  scan.held = positions(held, genes);
  scan.adjust = positions(options.adjust, genes);
  scan.fit_factor = test.fit_factor;
  return GeneScan(with_genes(patients, genes), scan).z().front();
}

std::vector<Pair> correlates_of(const Cohort& patients, const std::vector<dim_t>& genes) {
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < genes.size(); ++i)
    for (dim_t other = 0; other < patients.num_genes(); ++other)
      if (other != genes[i] && std::abs(carrier_correlation(patients, genes[i], other)) > kCorrelate)
        pairs.push_back({i, other});
  return pairs;
}

}  // namespace

std::vector<Claim> tell_apart(const Cohort& patients, const FamilyOptions& options, const FamilyTest& test,
                              const std::vector<dim_t>& genes, const std::function<bool()>& stop) {
  std::vector<Pair> pairs = correlates_of(patients, genes);
  const std::vector<dim_t> standing = standing_genes(test, options.level);
  kernels::parallel_for(dim_t(pairs.size()), kWorkOfPair, [&](dim_t k) {
    if (stop && stop()) return;
    Pair& pair = pairs[std::size_t(k)];
    const dim_t gene = genes[pair.claim];
    std::vector<dim_t> held = standing;
    std::erase(held, gene);
    if (std::ranges::find(held, pair.correlate) == held.end()) held.push_back(pair.correlate);
    pair.p = family_wise_p(test.maxima, statistic_given(patients, options, test, gene, held));
  });
  std::vector<Claim> claims;
  for (const dim_t gene : genes) claims.push_back({gene, test.p[std::size_t(gene)], {}});
  for (const Pair& pair : pairs) {
    Claim& claim = claims[pair.claim];
    claim.p = std::max(claim.p, pair.p);
    if (!(pair.p < options.level)) claim.alternatives.push_back(pair.correlate);
  }
  return claims;
}

}  // namespace engram::genes
