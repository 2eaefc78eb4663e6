#pragma once
/// Firth's penalised Cox likelihood (Firth 1993; Heinze and Schemper 2001). Internal to the survival models.

#include "models/survival/cox_problem.h"

namespace engram::survival {

/// Maximises l + 0.5 log det I from state.beta: steps I^-1 (U + 0.5 d log det I) with halving. The status' values are
/// those of l without the penalty; no coefficient is infinite.
FitStatus maximize_firth(CoxProblem& problem, const NewtonControl& control, NewtonState& state);

}  // namespace engram::survival
