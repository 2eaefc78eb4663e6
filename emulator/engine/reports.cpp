/// Options, and the list of findings.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
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

// Sets `value` to what the environment's variable names, if it is there; says so where it names none of the choices.
template <class T>
void choose(const char* variable, std::initializer_list<std::pair<const char*, T>> choices, T& value) {
  const char* given = std::getenv(variable);
  if (given == nullptr) return;
  std::string names;
  for (const auto& [name, choice] : choices) {
    if (std::strcmp(given, name) == 0) {
      value = choice;
      return;
    }
    names += (names.empty() ? "" : "|") + std::string(name);
  }
  std::fprintf(stderr, "emulator: %s: expected %s, got '%s'; the default is used\n", variable, names.c_str(), given);
}

Options options_from_environment() {
  Options o;
  if (const char* s = std::getenv("EMU_WORKERS")) o.workers = std::atoi(s);
  if (const char* s = std::getenv("EMU_SEED")) o.seed = std::strtoull(s, nullptr, 10);
  choose("EMU_CHECK", {{"1", true}, {"0", false}}, o.check);
  choose("EMU_ORDER", {{"forward", Order::kForward}, {"reverse", Order::kReverse}, {"random", Order::kRandom}},
         o.order);
  choose("EMU_COPIES", {{"late", Copies::kLate}, {"early", Copies::kEarly}, {"random", Copies::kRandom}}, o.copies);
  choose("EMU_MMA", {{"hopper", Arithmetic::kHopper}, {"ampere", Arithmetic::kAmpere}, {"exact", Arithmetic::kExact}},
         o.arithmetic);
  choose("EMU_CHECK_TF32", {{"1", true}, {"0", false}}, o.check_tf32);
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
