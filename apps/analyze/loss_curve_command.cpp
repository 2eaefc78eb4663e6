/// engram-analyze loss-curve

#include <algorithm>
#include <filesystem>
#include <ostream>

#include "apps/analyze/commands.h"
#include "apps/analyze/picture_output.h"
#include "apps/common/canvas.h"
#include "apps/common/exit_code.h"
#include "apps/common/main_wrapper.h"
#include "apps/common/run_metrics.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

struct CurveSettings {
  std::vector<std::string> runs;
  std::vector<std::string> series = {"train/epoch_loss", "test/loss"};
  std::filesystem::path out;
};

std::string run_name(const std::filesystem::path& run) {
  const std::filesystem::path normal = run.lexically_normal();
  return normal.has_filename() ? normal.filename().string() : normal.parent_path().filename().string();
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + one_line(name);
  return text;
}

/// The chosen series of a run, in the order of the choice, named by both. Throws DataError where one is missing, and
/// for a damaged line, whose values a curve would leave out unseen.
std::vector<ChartSeries> series_of(const std::string& run, const std::vector<std::string>& chosen) {
  const std::filesystem::path file = std::filesystem::path(run) / "metrics.jsonl";
  if (!std::filesystem::exists(file))
    throw DataError(message(run, ": expected a run folder with metrics.jsonl, got none"));
  const RunMetrics metrics = read_run_metrics(file);
  if (metrics.first_damaged > 0)
    throw DataError(message(file.string(), ": line ", metrics.first_damaged,
                            ": expected a JSON object with a number as step, got something else"));
  std::vector<std::string> names;
  for (const ChartSeries& series : metrics.series) names.push_back(series.name);
  std::vector<ChartSeries> result;
  for (const std::string& name : chosen) {
    const auto found = std::ranges::find(metrics.series, name, &ChartSeries::name);
    if (found == metrics.series.end())
      throw DataError(message(run, ": expected a series '", name, "'", did_you_mean(name, names), ", got ",
                              names.empty() ? "none" : joined(names)));
    result.push_back({run_name(run) + " " + name, found->points});
  }
  return result;
}

}  // namespace

int run_loss_curve(Call& call) {
  CurveSettings s;
  Cli cli(call,
          "Draws losses of several runs in one picture, for example of a large student alone, distilled from a "
          "small teacher, and with inheritance and exploration.");
  cli.positional("RUN", &s.runs, "Run folders").only_on_command_line().input().required();
  cli.option("series", &s.series, "Series of each run's metrics");
  add_picture_option(cli, s.out);
  if (!cli.parse()) return kExitOk;
  if (s.series.empty()) throw UsageError("--series: expected one name or more, got none");
  std::vector<ChartSeries> lines;
  for (const std::string& run : s.runs)
    for (ChartSeries& series : series_of(run, s.series)) lines.push_back(std::move(series));
  if (lines.size() > kMaxChartSeries)
    throw UsageError(message("expected at most ", kMaxChartSeries, " lines, got ", s.runs.size(), " runs with ",
                             s.series.size(), " series each"));
  PictureOutput out(s.out, {"line", "step", "value"});
  for (const ChartSeries& line : lines)
    for (const ChartPoint& point : line.points)
      out.table().cell(line.name).cell(point.step).cell(point.value).end_row();
  out.commit(call, line_picture("losses", lines));
  return kExitOk;
}

}  // namespace engram::apps
