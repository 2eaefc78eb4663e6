#pragma once
/// The frame of the programs that write a run folder: threads, device, precision, inputs, run folder, resumption,
/// interruption, progress, report and profile. A program adds its settings and its work.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "apps/common/cli.h"
#include "apps/common/common_options.h"
#include "apps/common/progress.h"
#include "apps/common/run_dir.h"

namespace engram::apps {

/// How the work of a program ended.
struct Outcome {
  std::string stopped = {};  ///< where a signal stopped it ("after step 12"); empty when it came to its end
  bool results = true;       ///< stopped, but there are results to report
  std::string text = {};     ///< lines for standard output, each with its end
  /// Writes the report and returns its path; empty: write_report().
  std::function<std::filesystem::path()> report = {};
};

/// One run of one program. Holds no state outside this object but the calling thread's number of threads, math mode and
/// convolution policy.
class Program {
 public:
  /// For settings that `cli` has parsed; both outlive the program. Puts --threads and --profile into force. Throws as
  /// RunDir::check_new for the folder of --out, so that it does before the inputs are read.
  Program(const Cli& cli, const CommonOptions& options);

  const Call& call() const { return call_; }
  int threads() const { return info_.threads; }

  /// The device of --device, opened by the first call, which also puts --math, --exact and --memory-limit into force.
  /// Throws DeviceError.
  Device device();

  /// Whether an old run is continued.
  bool resumes() const { return !options_.resume.empty(); }

  /// Whether the call only checks (--check): then check() instead of open(), before anything is written.
  bool only_checks() const { return cli_.only_checks(); }

  /// Checks what open() would refuse of the run folder, writes nothing, and returns the exit code.
  int check() const;

  /// Adds a file that a setting named to what the run depends on: by the hash of its content. Call it before open().
  void add_input(const std::string& setting, const std::filesystem::path& file) { info_.add_input(setting, file); }
  /// As above, for a path whose content has these hashes, by name ("data/train").
  void add_input(const std::string& setting, const std::filesystem::path& path,
                 const std::map<std::string, std::string>& sha256) {
    info_.add_input(setting, path, sha256);
  }

  /// The run folder: created for --out, taken up for --resume (RunDir). `files` are the patterns of what the program
  /// writes into it. A resumed run is to be continued with RunDir::continue_after() once the program knows where.
  RunDir& open(const FilePatterns& files);

  /// As open(), of a program without checkpoints: a resumed run starts from its beginning.
  RunDir& open_anew(const FilePatterns& files);

  /// Runs `work` in the folder and ends the run: report, then status "complete" as the last thing that is written, then
  /// the outcome's text; or status "interrupted" and how to go on. An exception leaves the status "interrupted" where
  /// the machine was the reason (files, memory, devices), else "failed", with its message, and goes on to the caller;
  /// Stopped is an outcome that stopped without results.
  /// Returns the exit code.
  int run(const std::function<Outcome(RunDir&)>& work);

  /// What a checkpoint of this run depends on beside the inputs: the settings and the number of threads, on which bits
  /// depend through the library's weight gradients. Call it after the inputs were added: their paths may change.
  std::string fingerprint() const;

  /// Whether the program is to save and end.
  bool stop_requested() const { return call_.stop(); }

  /// How progress is shown, counted in `unit`.
  ProgressOptions progress(const std::string& unit = "it") const;

 private:
  Outcome outcome_of(const std::function<Outcome(RunDir&)>& work);
  int finish(const Outcome& outcome);
  void record(const std::exception& error) noexcept;

  const Cli& cli_;
  const Call& call_;
  const CommonOptions& options_;
  RunInfo info_;
  std::optional<OpenedDevice> opened_;
  std::optional<RunDir> dir_;
};

}  // namespace engram::apps
