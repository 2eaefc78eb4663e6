#pragma once
/// Trainings with several settings, for a rule that chooses among them.

#include "apps/common/ood_run.h"

namespace engram::apps {

/// Trains with the settings of each trial that is not in the folder yet, also without each training environment where
/// --leave-one-out asks for it, and writes what they reach. The text of the outcome says what each rule chooses.
Outcome run_ood_trials(OodRun& run, RunDir& dir);

}  // namespace engram::apps
