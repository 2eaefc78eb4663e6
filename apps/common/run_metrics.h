#pragma once
/// The numbers of a metrics file, as series.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/svg_chart.h"

namespace engram::apps {

/// What a metrics file holds. Series stand in the order in which their names first appear.
struct RunMetrics {
  std::vector<ChartSeries> series;
  std::size_t damaged_lines = 0;  ///< lines that are not a JSON object with a number as step
  std::size_t first_damaged = 0;  ///< number of the first of them that has an end, as half a line has none; 0: none
  std::size_t not_finite = 0;     ///< values "nan", "inf" and "-inf"; in the series they are NaN
  std::size_t left_out = 0;       ///< values of further series than kMaxRunSeries
};

/// The most series that are read; a run has a few dozen.
inline constexpr std::size_t kMaxRunSeries = 128;

/// Reads a metrics.jsonl as JsonlWriter writes it. Truth values and texts are no series. A missing file has none.
/// Lines that are damaged (a killed writer leaves half a line) are counted and passed over. Throws IoError when an
/// existing file cannot be read.
RunMetrics read_run_metrics(const std::filesystem::path& file);

/// What series must have in common to share a chart: "loss", "accuracy" or "lr" where a word of the name is that
/// ("train/epoch_loss", "test/loss" and "loss/ce" are all "loss"); else the name up to the first '/' (or else up to the
/// first '.' or '_', or all of it).
std::string metric_group(const std::string& name);

/// The series in groups of equal metric_group(), in the order of first appearance. Groups with more than
/// kMaxChartSeries are cut into several, and so are groups that one scale does not suit: where no logarithmic scale is
/// possible, series whose largest magnitudes differ by more than a factor of 20.
std::vector<std::vector<ChartSeries>> chart_groups(const std::vector<ChartSeries>& series);

}  // namespace engram::apps
