#pragma once
/// Means over cohorts of a comparison of methods, and paired tests.

#include <string>
#include <vector>

#include "apps/common/genes/comparison_cell.h"

namespace engram::apps {

/// One method in one scenario.
struct SummaryRow {
  std::string scenario, method;
  int cohorts = 0;  ///< in which the method was applicable
  genes::MeanAndError hits, precision, recall, f1, average_precision, prognostic, decoys, declared, seconds;
  genes::MeanAndError worst_rank, fitness, evaluations;
  double f1_difference = 0;  ///< mean of (this method - reference) over the cohorts that both have
  double wilcoxon_p = 1;     ///< of those differences, two-sided
};

/// Rows in the order of the scenarios and methods in the cells. `reference` is the method that the others are compared
/// with.
std::vector<SummaryRow> summarise(const std::vector<ComparisonCell>& cells, const std::string& reference);

/// Writes a table with a line a row. Throws IoError.
void write_summary_csv(const std::filesystem::path& file, const std::vector<SummaryRow>& rows);
void write_summary_json(const std::filesystem::path& file, const std::vector<SummaryRow>& rows);

/// The same as Markdown, one table a scenario.
std::string summary_markdown(const std::vector<SummaryRow>& rows);

}  // namespace engram::apps
