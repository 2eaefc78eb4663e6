#pragma once
/// Screens of patients who are observed from an entry on.

#include <string>

#include "models/genes/screens.h"

namespace engram::genes {

/// Whether a screen has a likelihood given survival to the entry: "A", "B", "C", "TA" (Cox, with risk sets that begin
/// at the entries) and "AFT". "S1", "S2" and "OS" are one step from sums over the kernels' risk sets, which all begin
/// at 0.
bool knows_entries(const std::string& screen);

/// The screen's model by one full fit a gene (Cox as robust_screen() with the model's errors, TA among the treated;
/// AFT: log-logistic) and its Wald test. `cohort` has entries; for AFT all times are above 0. `adjust` is TA's. In
/// parallel, the same bits for any number of threads. Throws UsageError for a screen that does not know entries, and
/// what robust_screen() throws.
GeneTests entry_screen(const Cohort& cohort, const std::string& screen, TieMethod ties = TieMethod::kEfron,
                       bool adjust = true);

}  // namespace engram::genes
