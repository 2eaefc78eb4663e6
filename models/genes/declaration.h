#pragma once
/// Which genes and groups are claimed, and whether that rule finds nothing where there is nothing (docs/genes.md,
/// "Inference").

#include <functional>
#include <vector>

#include "models/genes/telling_apart.h"

namespace engram::genes {

struct DeclarationOptions {
  FamilyOptions family;
  Likelihood other_likelihood = Likelihood::kCox;  ///< the second scale
};

struct Declaration {
  FamilyTest family;
  /// Genes that stand out from all genes and whose products, in the joint model of those that do, increase the benefit
  /// with a likelihood ratio above 3.84 on both scales, each told apart from its correlates or not. In the order in
  /// which they stood out.
  std::vector<Claim> claims;
};

/// Applies the rule. `stop` is asked before each step of the family test.
Declaration declare_genes(const Cohort& cohort, const DeclarationOptions& options,
                          const std::function<bool()>& stop = {});

/// The rule on patients whose treatment labels were permuted within fifths of the propensity: there is then no gene
/// that changes what the treatment does.
struct NegativeControl {
  std::vector<dim_t> found;  ///< claims in each repeat, of genes and of groups
  int false_alarms = 0;      ///< repeats with any
  /// Probability of so many false alarms or more if the rule kept its level; 1 without repeats.
  double p = 1;
  /// p < 0.05: the rule does not hold on these data, and its word is worth nothing.
  bool failed() const { return p < 0.05; }
};

/// Runs `repeats` of them. Genes of `options.family.adjust` stay those of the data.
NegativeControl negative_control(const Cohort& cohort, const std::vector<double>& propensity,
                                 const DeclarationOptions& options, int repeats,
                                 const std::function<void(int done)>& progress = {},
                                 const std::function<bool()>& stop = {});

/// Probability of `count` or more successes in `trials`, each with probability `rate`.
double binomial_upper_tail(int count, int trials, double rate);

}  // namespace engram::genes
