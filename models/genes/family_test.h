#pragma once
/// Which genes stand out from all genes: the test behind the word "declared" (docs/genes.md, "Inference").

#include <cstdint>
#include <functional>
#include <vector>

#include "models/genes/term_model.h"

namespace engram::genes {

struct FamilyOptions {
  Likelihood likelihood = Likelihood::kLogLogistic;
  std::vector<dim_t> adjust;  ///< genes whose main effect is in the null model; their products are tested
  int replicates = 1000;
  double level = 0.05;
  int most = 40;  ///< genes that can stand out
  std::uint64_t seed = 0;
};

/// A gene that was the strongest of a step.
struct FamilyStep {
  dim_t gene = 0;
  double z = 0;
  double p = 1;  ///< family-wise, never less than that of the step before
};

struct FamilyTest {
  int replicates = 0;
  /// In the order of entry; those with p < level stand out. The last may be the first that does not.
  std::vector<FamilyStep> steps;
  std::vector<double> z;  ///< one a gene: at the step at which it was judged; 0 where it is not tested
  std::vector<double> p;  ///< one a gene: family-wise; 1 where it is not tested
  /// The last step's law: the largest statistic of all genes that were not judged before, in its replicates, ascending.
  std::vector<double> maxima;
  double fit_factor = 1;  ///< GeneScan::fit_factor() of the last step
  dim_t tested = 0;       ///< genes in the family: testable, and not carried by a handful of an arm's patients
};

/// A step-down test of the largest statistic. At each step the null model holds treatment, clinical variables, the
/// `adjust` genes and main effect and product of every gene that stood out before; the gene with the largest statistic
/// towards more benefit (GeneScan) is compared with the largest over all genes in each replicate of the null model. So
/// each replicate repeats what chose the gene: the comparison of all genes. The first gene that does not reach `level`
/// ends the test and gives the others their p-values. Deterministic given the seed. `stop` is asked before each step.
FamilyTest family_test(const Cohort& cohort, const FamilyOptions& options, const std::function<bool()>& stop = {});

/// The genes that stand out at `level`, in the order of their entry.
std::vector<dim_t> standing_genes(const FamilyTest& test, double level);

}  // namespace engram::genes
