#pragma once
/// The result of engram-genes evaluate as one HTML page.

#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/run_dir.h"
#include "apps/genes/comparison_summary.h"

namespace engram::apps {

/// Writes report.html: for each scenario a bar chart of hits with standard errors, the searches' progress, and the
/// table. `key` says in words what the lists are measured against. Throws IoError.
std::filesystem::path write_comparison_report(const RunDir& run, const std::vector<ComparisonCell>& cells,
                                              const std::vector<SummaryRow>& rows, const std::string& key);

}  // namespace engram::apps
