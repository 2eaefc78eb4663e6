/// Options, and the list of findings.

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

#include "emulator/emulator.h"
#include "emulator/engine/hooks.h"
#include "emulator/engine/worker.h"

namespace emu {
namespace {

constexpr std::size_t kMaxReports = 100;

std::mutex reports_mutex;

std::vector<Report>& reports() {
  static std::vector<Report>& list = *new std::vector<Report>;
  return list;
}

std::string text(uint3 v) {
  return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")";
}

Options options_from_environment() {
  Options o;
  if (const char* s = std::getenv("EMU_WORKERS")) o.workers = std::atoi(s);
  if (const char* s = std::getenv("EMU_SEED")) o.seed = std::strtoull(s, nullptr, 10);
  if (const char* s = std::getenv("EMU_CHECK")) o.check = std::strcmp(s, "0") != 0;
  if (const char* s = std::getenv("EMU_ORDER")) {
    if (std::strcmp(s, "reverse") == 0) o.order = Order::kReverse;
    if (std::strcmp(s, "random") == 0) o.order = Order::kRandom;
  }
  if (const char* s = std::getenv("EMU_COPIES")) {
    if (std::strcmp(s, "early") == 0) o.copies = Copies::kEarly;
    if (std::strcmp(s, "random") == 0) o.copies = Copies::kRandom;
  }
  if (const char* s = std::getenv("EMU_MMA")) {
    if (std::strcmp(s, "ampere") == 0) o.arithmetic = Arithmetic::kAmpere;
    if (std::strcmp(s, "exact") == 0) o.arithmetic = Arithmetic::kExact;
  }
  if (const char* s = std::getenv("EMU_CHECK_TF32")) o.check_tf32 = std::strcmp(s, "0") != 0;
  return o;
}

}  // namespace

Options& options() {
  static Options instance = options_from_environment();
  return instance;
}

Hooks& hooks() {
  static Hooks instance;
  return instance;
}

std::string short_place(SourceLocation location) {
  const char* slash = std::strrchr(location.file, '/');
  return std::string(slash ? slash + 1 : location.file) + ":" + std::to_string(location.line);
}

const char* tool_name(Tool tool) {
  switch (tool) {
    case Tool::kMemcheck:
      return "memcheck";
    case Tool::kInitcheck:
      return "initcheck";
    case Tool::kRacecheck:
      return "racecheck";
    case Tool::kSynccheck:
      return "synccheck";
    case Tool::kLaunch:
      return "launch";
  }
  return "?";
}

void add_report(Tool tool, const std::string& what, const std::string& place, const std::vector<std::string>& details) {
  std::lock_guard lock(reports_mutex);
  const Worker* worker = current_worker;
  const std::string kernel = worker ? worker->launch().kernel : "";
  for (auto& report : reports()) {
    if (report.tool == tool && report.what == what && report.place == place && report.kernel == kernel) {
      ++report.times;
      return;
    }
  }
  if (reports().size() >= kMaxReports) return;
  std::string text_of = what + "\n    at " + (kernel.empty() ? "" : kernel + " in ") + place;
  if (worker && worker->current()) {
    text_of += "\n    by thread " + text(worker->current()->index) + " in block " + text(blockIdx);
  }
  for (const auto& detail : details) text_of += "\n    " + detail;
  reports().push_back({tool, what, kernel, place, text_of});
}

std::vector<Report> take_reports() {
  std::lock_guard lock(reports_mutex);
  return std::exchange(reports(), {});
}

std::size_t num_reports() {
  std::lock_guard lock(reports_mutex);
  return reports().size();
}

std::string describe(const std::vector<Report>& list) {
  std::string all;
  for (const auto& report : list) {
    all += std::string(tool_name(report.tool)) + ": " + report.text;
    if (report.times > 1) all += "\n    found " + std::to_string(report.times) + " times";
    all += "\n";
  }
  return all;
}

}  // namespace emu
