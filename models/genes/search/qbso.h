#pragma once
/// QBSO-FS: bee swarm optimisation with Q-learning as local search (Sadeg, Hamdad, Remache, Karech, Benatchba, Habbas,
/// IWANN 2019), in the rules of docs/methods/genes.md, "QBSO-FS".

#include <cstdint>
#include <functional>
#include <vector>

#include "models/genes/search/subset_evaluator.h"

namespace engram::genes {

/// Changes to the published search, each on its own: (i) to (iv) of 3.8, "known weaknesses", and two of this project's.
/// The polish (v) is polish() of climb.h and the repetition over seeds (vi) belongs to the pipeline.
struct QbsoVariants {
  bool open_actions = false;     ///< (i) half of the steps choose among all genes, by softmax of the filter's scores
  bool factored_values = false;  ///< (ii) unknown state-action values default to a value per (gene, on or off)
  bool swaps = false;            ///< (iii) half of the steps exchange a gene for another
  bool informed_start = false;   ///< (iv) random states of about 10 genes, drawn by the filter's scores
  bool greedy_start = false;     ///< the first reference, and the best bee so far, is greedy forward selection's set
  bool near_area = false;        ///< bees start 1 to 3 exchanges from the reference, not a fifth of all genes away
};

/// Settings; the defaults are those of the authors' program.
struct QbsoOptions {
  int bees = 10, iterations = 10, local_iterations = 10;
  int flip = 5;  ///< stride of the search area's bees, and candidates of a step
  int max_chance = 3;
  double alpha = 0.1, gamma = 0.99, epsilon = 0.01;
  double epsilon_step = 1e-4;  ///< epsilon falls by this with every step
  bool learning = true;        ///< false: bees climb by steepest ascent instead (BSO without Q-learning)
  QbsoVariants variants;
  std::vector<double> filter_scores;  ///< one a gene, larger is more promising; needed by (i), (iv) and near_area
};

/// The hackathon team's settings (docs/methods/genes.md, "The problem"): flip 1, max_chance 5.
QbsoOptions team_qbso_options();

/// The variants (i) to (iv) of docs/methods/genes.md, "QBSO-FS".
QbsoVariants improved_qbso_variants();

/// The same with greedy_start and near_area.
QbsoVariants greedy_qbso_variants();

/// How often each gene was on at the end of a bee's local search, as a share of all ends; the best set and the
/// trajectory are the evaluator's.
struct QbsoResult {
  std::vector<double> usage;
  int iterations = 0;
  std::int64_t steps = 0;  ///< Q-learning steps
};

/// Searches until `options.iterations` are done or evaluator.done(). The fitness that bees see is max(0, f) plus 1e-9
/// for every gene left out (3.7). Same seed, same result, at any number of threads. Throws UsageError for settings out
/// of range. `stop`, where given, is asked once an iteration.
QbsoResult run_qbso(SubsetEvaluator& evaluator, const QbsoOptions& options, std::uint64_t seed,
                    const std::function<bool()>& stop = {});

}  // namespace engram::genes
