#pragma once
/// How much of a known answer a ranked list of genes recovers (docs/methods/genes.md, "Evaluation").

#include <string>
#include <vector>

#include "models/genes/simulator.h"

namespace engram::genes {

/// What is known about the genes of a cohort.
struct AnswerKey {
  std::vector<dim_t> key;         ///< genes that change the treatment's effect
  std::vector<dim_t> prognostic;  ///< genes that change survival only
  std::vector<dim_t> decoys;      ///< copies of key genes
  std::vector<dim_t> clinical_parents;
  std::vector<double> gain;  ///< log time that treatment adds, one a row of the input; empty: not known
  bool inferred = false;     ///< a re-analysis, not an official answer

  static AnswerKey of(const SimulationTruth& truth);
};

/// Of a ranked list, best first. Ratios whose denominator is 0 (no key) are 0.
struct Recovery {
  int reported = 0, hits = 0;  ///< among the first `reported`
  double precision = 0, recall = 0, f1 = 0;
  double precision_at_5 = 0, precision_at_10 = 0, precision_at_20 = 0;
  double average_precision = 0;                          ///< area under the precision-recall curve of the full list
  int worst_rank = 0;                                    ///< of a key gene; list length + 1 when one is not in the list
  int prognostic = 0, decoys = 0, clinical_parents = 0;  ///< among those reported, key genes not counted
};

/// Measures the first `reported` genes of `ranking`, and the whole of it.
Recovery recovery(const std::vector<dim_t>& ranking, const AnswerKey& key, int reported);

/// Mean, and its standard error where there are two values or more.
struct MeanAndError {
  double mean = 0, standard_error = 0;
  int count = 0;
};
MeanAndError mean_and_error(const std::vector<double>& values);

/// Wilcoxon's signed-rank test of paired differences, two-sided. Differences of 0 are left out, tied ranks are
/// averaged. Exact (all signs enumerated through the distribution of the rank sum) up to 50 differences, normal with
/// tie correction beyond. 1 when all differences are 0.
double wilcoxon_signed_rank_p(const std::vector<double>& differences);

}  // namespace engram::genes
