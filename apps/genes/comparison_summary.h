#pragma once
/// Means over cohorts of a comparison of methods, and paired tests.

#include <string>
#include <vector>

#include "apps/genes/comparison_cell.h"

namespace engram::apps {

/// Predictions of held-out patients; counts are 0 where there was no cross-validation.
struct PredictionSummary {
  genes::MeanAndError base_harrell, harrell, uno;  ///< concordance without genes; with them
  genes::MeanAndError harrell_gain, uno_gain;      ///< over the model without genes
  genes::MeanAndError partial_likelihood_gain;
};

/// Predicted gains from treatment against true ones; counts are 0 where these are not known.
struct BenefitSummary {
  genes::MeanAndError concordance, gain_of_all, gain_of_recommended;
};

/// One method in one scenario.
struct SummaryRow {
  std::string scenario, method;
  int cohorts = 0;  ///< in which the method was applicable
  genes::MeanAndError hits, precision, recall, f1, average_precision, prognostic, decoys, declared, seconds;
  genes::MeanAndError worst_rank, fitness, evaluations;
  double f1_difference = 0;  ///< mean of (this method - reference) over the cohorts that both have
  double wilcoxon_p = 1;     ///< of those differences, two-sided
  PredictionSummary prediction;
  BenefitSummary benefit;
};

/// "mean ± standard error".
std::string with_error(const genes::MeanAndError& value, int digits);

/// Whether it is known what the method's lists are good for: predictions of survival or of gains.
bool measures_use(const SummaryRow& row);
/// Titles of the columns that show it, and the row's cells; empty where something was not measured.
const std::vector<std::string>& use_columns();
std::vector<std::string> use_cells(const SummaryRow& row);

/// Rows in the order of the scenarios and methods in the cells. `reference` is the method that the others are compared
/// with.
std::vector<SummaryRow> summarise(const std::vector<ComparisonCell>& cells, const std::string& reference);

/// Writes a table with a line a row. Throws IoError.
void write_summary_csv(const std::filesystem::path& file, const std::vector<SummaryRow>& rows);
void write_summary_json(const std::filesystem::path& file, const std::vector<SummaryRow>& rows);

/// The same as Markdown: a table a scenario, and another one of what the lists predict where that was measured.
std::string summary_markdown(const std::vector<SummaryRow>& rows);

}  // namespace engram::apps
