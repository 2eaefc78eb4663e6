/// engram-genes calibrate

#include <sstream>

#include "apps/common/exit_code.h"
#include "apps/common/program.h"
#include "apps/genes/commands.h"
#include "engine/io/csv.h"
#include "kernels/common/error.h"
#include "models/genes/calibrated_screen.h"
#include "models/genes/calibration.h"

namespace engram::apps {
namespace {

using genes::Calibration;
using genes::ErrorCount;

struct CalibrateSettings {
  CommonOptions common;
  std::string setting = "null-500";
  std::vector<std::string> screens;
  std::int64_t cohorts = 200, replicates = 199, reselections = 12;
  bool family = true, select = false;
};

void add_settings(Cli& cli, CalibrateSettings& s) {
  std::vector<std::string> names;
  for (const genes::NullSetting& setting : genes::null_settings()) names.push_back(setting.name);
  cli.group("What to measure");
  cli.option("setting", &s.setting, "Kind of cohort (docs/results/genes says what each is)").choices(names);
  cli.option("cohorts", &s.cohorts, "Cohorts, of the seeds from --seed on").at_least(1).at_most(1000000);
  cli.option("replicates", &s.replicates, "Replicates of each cohort's null law").at_least(19).at_most(1000000);
  cli.option("family", &s.family, "The family test, which declares genes");
  cli.option("screens", &s.screens, "Screens, by their names").choices(genes::screen_names());
  cli.option("select", &s.select, "The whole selection, with one search, and its intervals");
  cli.option("reselections", &s.reselections,
             "--select: repeats of the selection for each cohort's intervals; 0: no intervals")
      .at_least(0)
      .at_most(100000);
  add_seed_option(cli, s.common);
  add_running_options(cli, s.common);
  add_resumable_run_options(cli, s.common);
}

const std::vector<std::string> kHeader = {"setting", "what", "nominal", "share", "low99", "high99", "errors", "tests"};

/// One line of calibration.csv and of the text: a share beside the 99 % interval of its nominal rate.
class Table {
 public:
  Table(const RunDir& run, std::string setting) : csv_(run / "calibration.csv", kHeader), setting_(std::move(setting)) {
    text_.exceptions(std::ios::badbit);  // a lack of memory leaves no shorter text
    print(text_, "%-44s %8s %8s  %-18s %s\n", "what", "nominal", "share", "99 % interval", "errors of tests");
  }

  void rate(const std::string& what, double nominal, const ErrorCount& count) {
    if (count.tests == 0) return;
    const auto [low, high] = genes::binomial_interval_99(nominal, count.tests);
    csv_.cell(setting_).cell(what).cell(nominal).cell(count.share()).cell(low).cell(high);
    csv_.cell(count.errors).cell(count.tests).end_row();
    print(text_, "%-44s %8.3g %8.4f  %.4f to %.4f   %lld of %lld%s\n", what.c_str(), nominal, count.share(), low, high,
          static_cast<long long>(count.errors), static_cast<long long>(count.tests),
          count.share() > high ? "  ABOVE" : "");
  }

  void mean(const std::string& what, double value) {
    csv_.cell(setting_).cell(what).cell("").cell(value).cell("").cell("").cell("").cell("");
    csv_.end_row();
    print(text_, "%-44s %8s %8.4f\n", what.c_str(), "", value);
  }

  /// Ends the file and returns the text.
  std::string commit() {
    csv_.commit();
    return text_.str();
  }

 private:
  io::CsvWriter csv_;
  std::ostringstream text_;
  std::string setting_;
};

void write(const Calibration& c, const CalibrateSettings& s, Table& table) {
  if (s.family) {
    table.rate("family test: any gene without effect", 0.05, c.family);
    table.mean("family test: key genes found", c.family_key);
  }
  for (const genes::ScreenCalibration& screen : c.screens) {
    for (std::size_t level = 0; level < 3; ++level) {
      const double nominal = genes::kCalibrationLevels[level];
      table.rate("screen " + screen.screen, nominal, screen.calibrated[level]);
      table.rate("screen " + screen.screen + ", model alone", nominal, screen.model[level]);
    }
    table.mean("screen " + screen.screen + ": false share at q < 0.1", screen.false_share);
    table.mean("screen " + screen.screen + ", model alone: the same", screen.model_false_share);
  }
  if (!s.select) return;
  table.rate("select: any gene without effect declared", 0.05, c.select.declared_any);
  table.rate("select: that, or a group without effect", 0.05, c.select.claimed_any);
  table.rate("select: any gene without effect stands out", 0.05, c.select.standing_any);
  table.rate("select: intervals that miss", 0.05, c.select.selective_missed);
  table.rate("select: the model's own intervals that miss", 0.05, c.select.naive_missed);
  table.mean("select: genes listed", c.select.listed);
  table.mean("select: key genes listed", c.select.listed_key);
  table.mean("select: key genes declared", c.select.declared_key);
  table.mean("select: key genes of declared groups", c.select.grouped_key);
  table.mean("select: key genes that stand out", c.select.standing_key);
}

Outcome work(const Program& program, const CalibrateSettings& s, RunDir& run) {
  Progress progress("calibrate " + s.setting, s.cohorts, program.progress("cohort"));
  genes::CalibrationOptions options;
  options.cohorts = int(s.cohorts);
  options.replicates = int(s.replicates);
  options.seed = s.common.seed;
  options.family = s.family;
  options.screens = s.screens;
  options.select = s.select;
  options.reselections = int(s.reselections);
  const Calibration result = genes::calibrate(
      genes::null_setting(s.setting), options, [&](int done) { progress.update(done); }, program.call().stop);
  progress.finish();
  Table table(run, s.setting);
  write(result, s, table);
  run.set_fact("cohorts", std::int64_t(result.cohorts));
  const bool stopped = result.cohorts < options.cohorts;
  return {.stopped = stopped ? message("after ", result.cohorts, " cohorts") : "",
          .text = table.commit() + "table:  " + (run / "calibration.csv").string() + "\n"};
}

}  // namespace

int run_calibrate(Call& call) {
  CalibrateSettings s;
  Cli cli(call,
          "Draws cohorts whose answer is known and measures how often the printed probabilities and intervals hold.");
  add_settings(cli, s);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  Program program(cli, s.common);
  if (program.only_checks()) return program.check();
  program.open_anew({"calibration.csv"});
  return program.run([&](RunDir& run) { return work(program, s, run); });
}

}  // namespace engram::apps
