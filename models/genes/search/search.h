#pragma once
/// Searches over gene sets by name.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/genes/search/qbso.h"
#include "models/genes/search/subset_evaluator.h"

namespace engram::genes {

/// What a search may know, and how long it may go on.
struct SearchRequest {
  std::string method = "qbso-greedy";
  std::uint64_t seed = 0;
  std::vector<double> filter_scores;  ///< one a candidate, larger is more promising
  bool until_budget = true;           ///< false: the published number of iterations ends the search as well
  std::function<bool()> stop;         ///< asked now and then; true ends the search
};

/// Names that run_search() takes:
/// "qbso" (authors' settings), "qbso-team", "qbso-improved" (with the variants (i) to (iv) and a polish at the end),
/// "qbso-greedy" (the same from forward selection's set, with bees near their reference; the default), "bso" (no
/// learning), "bpso-q", "bpso", "genetic", "annealing", "random-10", "random-density", "forward", "climb".
const std::vector<std::string>& search_names();

/// Runs a search on an evaluator, whose best set is the result. Returns per gene how often bees ended with it
/// (QBSO only; empty otherwise). Throws UsageError for an unknown name.
std::vector<double> run_search(SubsetEvaluator& evaluator, const SearchRequest& request);

/// As run_search() with "qbso-improved", with these settings of QBSO; the polish happens where `with_polish` is set and
/// counts.
std::vector<double> run_qbso_search(SubsetEvaluator& evaluator, QbsoOptions options, bool with_polish,
                                    const SearchRequest& request);

}  // namespace engram::genes
