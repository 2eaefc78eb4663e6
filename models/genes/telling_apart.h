#pragma once
/// Of the genes that the same patients carry: which of them it is (docs/genes.md, "Inference").

#include <functional>
#include <vector>

#include "models/genes/family_test.h"

namespace engram::genes {

/// A gene that stands out, and what the data say it may stand for.
struct Claim {
  dim_t gene = 0;
  /// Family-wise: the largest of the family test's and those given each correlate.
  double p = 1;
  /// Correlates from which the gene is not told apart, in the order of the columns. Empty: the claim is the gene's own.
  /// Otherwise it is that of the group: one of them or the gene changes what the treatment does.
  std::vector<dim_t> alternatives;

  bool told_apart() const { return alternatives.empty(); }
};

/// Genes whose carriers correlate more than this, in either direction, are correlates. Below it the shadow of a gene
/// that does not itself stand out moves another's statistic by less than a fifth of what it takes to stand out.
inline constexpr double kCorrelate = 0.2;

/// Tells each of `genes`, which stand out in `test`, apart from its correlates. For each correlate a null model holds
/// main effect and product of the correlate and of the other genes that stand out; the gene's statistic in it is
/// compared with the law of the largest of all genes, that of the test's last step. The gene is told apart from the
/// correlate where its p-value is below the level still. So an error is either a gene's that has no correlate with an
/// effect, or that of a statistic whose null model holds the correlate with one: all of them are statistics of genes
/// without an effect in their null model, and their largest exceeds that of all genes with probability `level`.
///
/// `patients` must be usable_patients() of the likelihood. Runs in parallel.
std::vector<Claim> tell_apart(const Cohort& patients, const FamilyOptions& options, const FamilyTest& test,
                              const std::vector<dim_t>& genes, const std::function<bool()>& stop = {});

}  // namespace engram::genes
