#pragma once
/// What engram-genes select finds out by repeating the selection on other patients.

#include <functional>
#include <optional>
#include <string>

#include "apps/genes/select_settings.h"
#include "models/genes/bootstrap.h"
#include "models/genes/prediction.h"

namespace engram::apps {

struct SelectionValidation {
  std::optional<genes::Bootstrap> bootstrap;
  genes::Prediction prediction;  ///< one entry a repeat of the cross-validation; empty: not asked for, or stopped
  std::string failure;           ///< why the data do not allow a cross-validation; empty where they do
  bool interrupted = false;      ///< `stop` ended it; what was reached is there
};

/// Runs what the settings ask for. Resamples and folds search from one seed each.
SelectionValidation validate_selection(const genes::Cohort& cohort, const genes::Selection& selection,
                                       const SelectSettings& settings, const genes::PipelineProgress& progress,
                                       const std::function<bool()>& stop);

}  // namespace engram::apps
