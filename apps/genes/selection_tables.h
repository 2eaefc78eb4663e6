#pragma once
/// The result of engram-genes select as CSV and JSON.

#include "apps/common/run_dir.h"
#include "apps/genes/selection_validation.h"

namespace engram::apps {

/// Writes selected_genes.csv (the ranked list), candidates.csv (every candidate with filter statistics, shares and
/// stability) and selection.json (everything). Throws IoError.
void write_selection(const RunDir& run, const genes::Cohort& cohort, const genes::Selection& selection,
                     const SelectionValidation& validation);

}  // namespace engram::apps
