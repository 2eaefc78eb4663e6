#include "apps/common/experiment/cell_store.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/common/metrics_seal.h"
#include "apps/common/output_folder.h"
#include "apps/common/run_metrics.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kPlanFile = "plan.json";
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 24;

Json read_object(const fs::path& file, const char* what) {
  const io::Bytes bytes = io::read_file(file, kMaxBytes);
  Json json = Json::parse(io::as_text(bytes), nullptr, false);
  if (!json.is_object())
    throw DataError(message("[reproduce] expected ", what, " in ", file.string(), ", got something else"));
  return json;
}

/// A member of a JSON object where it has the fitting type.
template <class T>
std::optional<T> member(const Json& json, const char* name) {
  const auto it = json.find(name);
  if (it == json.end()) return std::nullopt;
  if constexpr (std::is_same_v<T, std::string>) return it->is_string() ? std::optional<T>(it->get<T>()) : std::nullopt;
  return it->is_number() ? std::optional<T>(it->get<T>()) : std::nullopt;
}

void write_json(const fs::path& file, const Json& json) {
  io::write_file(file, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

/// The series of a name with its finite points.
const ChartSeries* find_series(const RunMetrics& metrics, const std::string& name) {
  for (const ChartSeries& series : metrics.series)
    if (series.name == name) return &series;
  return nullptr;
}

/// The value of a series at a step, 0 when it has none there.
double value_at(const ChartSeries* series, double step) {
  if (series != nullptr)
    for (const ChartPoint& point : series->points)
      if (point.step == step) return point.value;
  return 0;
}

/// Refuses metrics that are not those of the run; an older version's manifest does not say which those are.
void check_sealed(const Json& manifest, const fs::path& metrics) {
  const auto seal = manifest.find("metrics");
  if (seal == manifest.end() || !is_metrics_seal(*seal)) return;
  std::error_code ignored;
  check_metrics(manifest, fs::exists(metrics, ignored) ? io::read_file(metrics) : io::Bytes(), metrics.parent_path());
}

/// Refuses a folder that is not this plan's, nor empty, nor missing.
void check_owner(const fs::path& folder, const Plan& plan) {
  check_folder_place("--out:", folder);
  std::error_code error;
  if (!fs::exists(folder, error)) return;
  if (fs::exists(folder / kPlanFile, error)) {
    const Json made = read_object(folder / kPlanFile, "the name of a plan");
    const std::string name = member<std::string>(made, "plan").value_or("?");
    const std::string scale = member<std::string>(made, "scale").value_or("?");
    if (name != plan.name || scale != plan.scale)
      throw UsageError(message("--out: expected a new folder or one of plan '", plan.name, "' at scale '", plan.scale,
                               "', got ", folder.string(), " of plan '", name, "' at scale '", scale, "'"));
    return;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const fs::path name = entry.path().filename();  // a process that was killed at the very start left these
    if (name == "cells" || name == "claims" || io::is_temporary_name(name.native())) continue;
    throw UsageError(message("--out: expected a new folder, got ", folder.string(), ", which holds other files"));
  }
  if (error) throw IoError(message("[reproduce] cannot read ", folder.string(), ": ", error.message()));
}

}  // namespace

CellStore::CellStore(fs::path folder, const Plan& plan, Mode mode) : folder_(std::move(folder)) {
  check_owner(folder_, plan);
  if (mode == Mode::kLook) return;
  for (const fs::path& part : {folder_, folder_ / "cells", folder_ / "claims"}) {
    create_folders("[reproduce]", part);
    io::remove_leftovers(part);
  }
  if (!fs::exists(folder_ / kPlanFile)) write_json(folder_ / kPlanFile, {{"plan", plan.name}, {"scale", plan.scale}});
}

CellStatus CellStore::status(const Cell& cell) const {
  CellStatus status;
  const fs::path attempts = cells_folder() / (cell.hash + ".attempts");
  if (fs::exists(attempts)) {
    const Json json = read_object(attempts, "the attempts of a cell");
    status.seconds = member<double>(json, "seconds").value_or(0);
    status.exit_code = int(member<double>(json, "exit_code").value_or(0));
    status.failure = member<std::string>(json, "failure").value_or("");
  }
  const fs::path manifest = run_folder(cell) / "manifest.json";
  if (fs::exists(manifest)) {
    const std::string said = member<std::string>(read_object(manifest, "a manifest"), "status").value_or("");
    status.kind = said == "complete" ? CellStatus::Kind::kComplete : CellStatus::Kind::kUnfinished;
    status.begun = said != "starting";  // such a folder counts as empty
  }
  if (status.kind != CellStatus::Kind::kComplete && status.exit_code != 0) status.kind = CellStatus::Kind::kFailed;
  return status;
}

void CellStore::note_attempt(const Cell& cell, double seconds, int exit_code, const std::string& failure) const {
  const double before = status(cell).seconds;
  write_json(cells_folder() / (cell.hash + ".attempts"),
             {{"seconds", before + seconds}, {"exit_code", exit_code}, {"failure", failure}});
}

std::string CellStore::measure_mistake(const Cell& cell, const Plan& plan) const {
  if (std::ranges::find(plan.rows, cell.name, &PlanRow::cell) == plan.rows.end()) return "";
  const RunMetrics metrics = read_run_metrics(run_folder(cell) / kMetrics);
  if (find_series(metrics, plan.measure.metric) != nullptr) return "";
  std::vector<std::string> names;
  std::string list;
  for (const ChartSeries& series : metrics.series) {
    names.push_back(series.name);
    list += (list.empty() ? "" : ", ") + series.name;
  }
  return message("measure.metric: expected a series of the metrics of cell '", cell.name, "' (",
                 list.empty() ? "it has none" : list, "), got '", plan.measure.metric, "'",
                 did_you_mean(plan.measure.metric, names));
}

std::optional<CellMeasurement> CellStore::measurement(const Cell& cell, const PlanMeasure& measure) const {
  const fs::path file = run_folder(cell) / kMetrics;
  check_sealed(read_object(run_folder(cell) / kManifest, "a manifest"), file);
  const RunMetrics metrics = read_run_metrics(file);
  const ChartSeries* series = find_series(metrics, measure.metric);
  if (series == nullptr || series->points.empty()) return std::nullopt;
  const double unit = measure.percent ? 100 : 1;
  const ChartPoint* best = nullptr;
  for (const ChartPoint& point : series->points) {
    if (!std::isfinite(point.value)) continue;
    if (best == nullptr || (measure.higher_is_better ? point.value > best->value : point.value < best->value))
      best = &point;
  }
  const ChartPoint& last = series->points.back();
  if (best == nullptr || !std::isfinite(last.value)) return std::nullopt;
  const ChartSeries* epoch = find_series(metrics, "epoch");
  CellMeasurement result{unit * last.value, unit * best->value};
  result.best_epoch = value_at(epoch, best->step);
  result.epochs = value_at(epoch, last.step);
  result.steps = last.step + 1;
  const Json config = read_object(run_folder(cell) / "config.json", "a configuration");
  result.images = result.steps * member<double>(config, "batch_size").value_or(0);
  return result;
}

}  // namespace engram::apps
