#include "apps/common/program.h"

#include <ostream>

#include "apps/common/exit_code.h"
#include "apps/common/main_wrapper.h"
#include "apps/common/profile_report.h"
#include "apps/common/report.h"
#include "apps/common/run_manifest.h"
#include "engine/profiler.h"
#include "engine/stop_scope.h"
#include "kernels/common/error.h"

namespace engram::apps {

Program::Program(const Cli& cli, const CommonOptions& options) : cli_(cli), call_(cli.call()), options_(options) {
  info_.program = call_.program;
  info_.arguments = call_.words;
  info_.seed = options.seed;
  info_.threads = apply_threads(options);
  info_.device = options.device;
  info_.configuration = cli.resolved_config();
  if (options.profile) profiler::enable(true);
  if (!resumes()) RunDir::check_new(options.out, options.force);  // before the inputs, which may take minutes
}

Device Program::device() {
  if (!opened_) opened_ = open_device(options_);
  return opened_->device;
}

int Program::check() const {
  if (resumes())
    RunDir::check_old(options_.resume, info_);
  else
    RunDir::check_new(options_.out, options_.force);
  return kExitOk;
}

RunDir& Program::open(const FilePatterns& files) {
  info_.files = files;
  info_.files.push_back(kProfileFile);
  dir_ = resumes() ? RunDir::resume(options_.resume, info_) : RunDir::create(options_.out, options_.force, info_);
  if (opened_ && !opened_->note.empty() && !options_.quiet) *call_.err << opened_->note << std::endl;
  return *dir_;
}

RunDir& Program::open_anew(const FilePatterns& files) {
  open(files);
  if (resumes()) dir_->continue_after(-1);
  return *dir_;
}

int Program::run(const std::function<Outcome(RunDir&)>& work) {
  try {
    return finish(outcome_of(work));
  } catch (const std::exception& error) {
    record(error);
    throw;
  }
}

Outcome Program::outcome_of(const std::function<Outcome(RunDir&)>& work) {
  try {
    return work(*dir_);
  } catch (const Stopped& stopped) {
    return {.stopped = stopped.where(), .results = false};
  }
}

int Program::finish(const Outcome& outcome) {
  const bool stopped = !outcome.stopped.empty();
  const std::string profile = options_.profile && opened_ ? keep_profile(*dir_, opened_->device) : "";
  dir_->set_end(stopped ? "interrupted" : "complete");
  const std::filesystem::path report = outcome.report ? outcome.report() : write_report(*dir_);
  dir_->finish();
  if (!stopped || outcome.results) *call_.out << outcome.text << "report: " << report.string() << "\n";
  *call_.out << profile;
  if (!stopped) return kExitOk;
  *call_.err << "stopped " << outcome.stopped;
  if (cli_.can_resume()) *call_.err << "; continue with --resume " << dir_->path().string();
  *call_.err << std::endl;
  return kExitInterrupted;
}

void Program::record(const std::exception& error) noexcept {
  try {
    const int code = exit_code_for(error);
    const bool machine = code == kExitDevice || dynamic_cast<const IoError*>(&error) != nullptr;
    dir_->set_end(machine ? "interrupted" : "failed", one_line(error.what()));
    dir_->finish();
  } catch (const std::exception&) {
    // Nothing can be written; the folder stays as after a kill.
  }
}

std::string Program::fingerprint() const {
  return comparable_settings(info_) + " threads " + std::to_string(info_.threads);
}

ProgressOptions Program::progress(const std::string& unit) const {
  ProgressOptions options = standard_progress(call_, options_.quiet);
  options.unit = unit;
  return options;
}

}  // namespace engram::apps
