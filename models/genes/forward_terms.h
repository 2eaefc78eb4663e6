#pragma once
/// Greedy forward selection over main effects and gene x treatment products.

#include <functional>
#include <vector>

#include "models/genes/term_design.h"
#include "models/genes/term_model.h"

namespace engram::genes {

/// Work of one fit, for kernels::parallel_for: worth a thread.
inline constexpr dim_t kWorkOfFit = 100000;

/// A column that entered the model.
struct ForwardStep {
  dim_t candidate = 0;   ///< of the design
  bool product = false;  ///< g x treatment; false: the main effect
  double gain = 0;       ///< likelihood ratio of the step, chi-square with 1 degree of freedom
  double loglik = 0;     ///< after the step
  double coefficient = 0;
  dim_t runner_up = -1;  ///< the candidate that came second; -1 if there was none
  bool runner_up_product = false;
  double runner_up_gain = 0;
};

struct ForwardOptions {
  int max_steps = 40;
  int max_products = 1 << 20;  ///< stop when that many products are in
  double least_gain = 0;       ///< stop before a step that gains less
  bool main_effects = true;    ///< let main effects in as well
  bool products = true;        ///< let products in
  bool benefit_only = false;   ///< products only with the sign of more benefit from treatment
  std::vector<dim_t> base;     ///< start from these columns; empty: the design's base
};

/// Adds, step by step, the column with the largest likelihood, among all candidates' main effects and products, found
/// by exact fits (on all threads; the result does not depend on their number). Columns that are aliased or separated
/// never enter. `stop`, where given, is asked before every step.
std::vector<ForwardStep> forward_terms(const TermDesign& design, const TermModel& model, const ForwardOptions& options,
                                       const std::function<bool()>& stop = {});

/// The genes whose products with treatment it takes, at most `count`, in order: main effects may enter beside them,
/// products only with the sign of more benefit. `base` as in ForwardOptions.
std::vector<dim_t> forward_genes(const TermDesign& design, const TermModel& model, std::vector<dim_t> base, int count);

}  // namespace engram::genes
