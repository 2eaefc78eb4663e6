#pragma once
/// The result of engram-genes screen as one HTML page.

#include <filesystem>
#include <vector>

#include "apps/common/run_dir.h"
#include "models/genes/cohort_io.h"
#include "models/genes/screens.h"

namespace engram::apps {

/// Writes report.html: a forest plot of the 30 best genes where the screen has effects, their table, and the findings
/// about the data. `order` are the genes, best first. Throws IoError.
std::filesystem::path write_screen_report(const RunDir& run, const genes::LoadedCohort& data,
                                          const genes::GeneTests& tests, const std::vector<dim_t>& order);

}  // namespace engram::apps
