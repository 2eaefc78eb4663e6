#pragma once
/// The result of engram-genes select as one HTML page, for those who would rather see than read.

#include <filesystem>

#include "apps/common/run_dir.h"
#include "apps/genes/selection_validation.h"
#include "models/genes/cohort_io.h"

namespace engram::apps {

/// Writes report.html into the run's folder and returns its path: the genes, a forest plot of their treatment
/// interactions, survival by number of mutations and by treatment x mutation, stability, bootstrap, prediction of other
/// patients, search trajectories, how treatment was given, all checks, and how to repeat the run. It needs no other
/// file, no script and no network. `time_unit` is that of the times ("months"); empty: not known. Throws IoError.
std::filesystem::path write_selection_report(const RunDir& run, const genes::LoadedCohort& data,
                                             const genes::Selection& selection, const SelectionValidation& validation,
                                             const std::string& time_unit);

}  // namespace engram::apps
