#pragma once
/// Parts of the report of engram-genes select. Each is empty where the run has nothing to show.

#include "apps/common/html.h"
#include "apps/common/run_dir.h"
#include "models/genes/cohort_io.h"
#include "models/genes/pipeline.h"

namespace engram::apps {

/// Survival by the number of listed mutations, treated and untreated beside each other. `time_unit` ("months") is that
/// of the cohort's times; empty: not known.
Html dose_section(const genes::Cohort& cohort, const genes::Selection& selection, const std::string& time_unit);
/// Survival by treatment x mutation for each listed gene.
Html curves_section(const genes::Cohort& cohort, const genes::Selection& selection, const std::string& time_unit);
/// Bars of stability selection.
Html stability_section(const genes::Cohort& cohort, const genes::Selection& selection);
/// Best fitness over evaluations of each seed.
Html search_section(const genes::Selection& selection);
/// Propensity and balance.
Html treatment_section(const genes::Selection& selection);
/// Base model, prognostic genes, negative control.
Html model_section(const genes::Cohort& cohort, const genes::Selection& selection);
/// What is unusual about the data.
Html data_section(const genes::LoadedCohort& data);
/// Configuration and where the tables are: those of `files` that the run holds.
Html repeat_section(const RunDir& run, const std::vector<std::string>& files);

}  // namespace engram::apps
