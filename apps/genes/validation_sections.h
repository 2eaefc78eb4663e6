#pragma once
/// Parts of the report of engram-genes select that come from doing it again: otherwise adjusted, on other patients.
/// Each is empty where the run has nothing to show.

#include "apps/common/html.h"
#include "apps/genes/selection_validation.h"

namespace engram::apps {

/// Effects with weighted and with stratified patients.
Html adjustment_section(const genes::Cohort& cohort, const genes::Selection& selection);
/// Bars of the bootstrap.
Html bootstrap_section(const genes::Cohort& cohort, const genes::Selection& selection,
                       const std::optional<genes::Bootstrap>& bootstrap);
/// Prediction of patients that took no part in the selection.
Html prediction_section(const genes::Prediction& prediction);

}  // namespace engram::apps
