#pragma once
/// From statistics to tables of tests.

#include "models/genes/screens.h"

namespace engram::genes {

/// Score tests of g x treatment alone, from the score statistics of all genes.
GeneTests product_score_tests(const std::vector<double>& stats, const std::string& screen);

/// Score tests of (g, g x treatment) with two degrees of freedom: "S2".
GeneTests joint_score_tests(const std::vector<double>& stats);

/// One-step estimates of g x treatment given g: "OS".
GeneTests one_step_tests(const std::vector<double>& stats);

/// Adds BH and Bonferroni p-values over the tests whose status is not kFewCarriers; those have 1.
void adjust_for_multiplicity(GeneTests& tests);

}  // namespace engram::genes
