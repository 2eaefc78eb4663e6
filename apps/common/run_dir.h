#pragma once
/// The folder that a run writes: configuration, manifest, metrics, images. docs/runs.md is the description for users.

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/common/run_files.h"
#include "engine/io/image.h"
#include "engine/io/jsonl.h"

namespace engram::apps {

/// What the manifest says about how a run was started.
struct RunInfo {
  std::string program;                 ///< "engram-train"
  std::vector<std::string> arguments;  ///< the command line behind the program's name
  std::uint64_t seed = 0;
  int threads = 0;
  std::string device;
  std::string configuration = "{}";                ///< Cli::resolved_config(), the text of config.json
  FilePatterns files = {};                         ///< what the program writes beside what RunDir does
  std::map<std::string, std::string> inputs = {};  ///< absolute paths of what the run reads, by setting: "data"
  std::map<std::string, std::string> hashes = {};  ///< SHA-256 of what was read there: "data/train"

  /// Adds a file that a setting named, with the hash of its content. Throws IoError.
  void add_input(const std::string& setting, const std::filesystem::path& file);
  /// Adds a path that a setting named; its hashes are added one by one.
  void add_input(const std::string& setting, const std::filesystem::path& path,
                 const std::map<std::string, std::string>& sha256);
};

/// A run folder:
///
///   manifest.json           program, version, command line, seed, threads, device, processor, inputs and their hashes,
///                           names of the run's files, times, status
///   config.json             the resolved configuration, to be given back through --config
///   metrics.jsonl           one line per report
///   events.out.tfevents.*   the same for TensorBoard, and images
///   .engram-lock            locked while a program writes the folder (run_lock.h)
///
/// manifest.json and config.json are replaced atomically; metrics grow by whole lines. A RunDir holds the lock, so no
/// other program writes the folder while it lives. Links in the place of the run's files are refused with DataError.
/// All members throw IoError when the system refuses.
class RunDir {
 public:
  /// Starts a new run in `path`, creating it and the folders above. A folder that holds anything is refused with
  /// UsageError, unless `force` is set and it is a run folder (has a manifest.json of engram): then the files that its
  /// manifest lists are removed first, and everything else stays. What a killed start left (status "starting", or only
  /// a lock and temporary files) counts as empty. A folder that another program is writing is refused with UsageError.
  /// Without an error, manifest.json (status "running") and config.json are there on return; with one, the folder is as
  /// before, or counts as empty.
  static RunDir create(const std::filesystem::path& path, bool force, const RunInfo& info);

  /// Takes up the run in `path`: locks it, and checks that it is a run of the same program that nobody has changed and
  /// that would go on with the same configuration, thread count and inputs; the message names what differs. The folder
  /// is not written before continue_after(). Throws UsageError when it is not a run folder or is held by another
  /// program; DataError for a damaged manifest, an edited config.json, other settings than the run's, and inputs whose
  /// hashes are not those of the run.
  static RunDir resume(const std::filesystem::path& path, const RunInfo& info);

  /// Throws what create() would for what lies at `path`, and writes nothing.
  static void check_new(const std::filesystem::path& path, bool force);
  /// Throws what resume() would but for a lock, and writes nothing.
  static void check_old(const std::filesystem::path& path, const RunInfo& info);

  /// Goes on after `step` (-1: from the start): metrics of later steps are dropped, and the manifest notes the
  /// resumption and status "running". Called once, after resume() and before metrics. Throws DataError for a damaged
  /// metrics file and, unless the run goes on from its start, for one that lacks what seal_metrics() noted.
  void continue_after(std::int64_t step);

  RunDir(RunDir&&) noexcept;
  RunDir& operator=(RunDir&&) noexcept;
  ~RunDir();

  const std::filesystem::path& path() const;
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path() / name; }

  /// Sets a member of the manifest's "facts", for example the number of parameters or the final accuracy.
  void set_fact(const std::string& name, const io::JsonValue& value);

  /// Appends a line to metrics.jsonl and the numbers among the fields to TensorBoard.
  void metrics(std::int64_t step, std::span<const io::JsonField> fields);
  void metrics(std::int64_t step, std::initializer_list<io::JsonField> fields) {
    metrics(step, std::span<const io::JsonField>(fields.begin(), fields.size()));
  }

  /// Notes in the manifest what the metrics hold by now; a run that goes on refuses a file that lost or changed any of
  /// that. To be called before each file from which the run would go on: a checkpoint, a list of what is done.
  void seal_metrics();

  /// Shows an image in TensorBoard. To keep it as a file as well, write it with io::write_png.
  void image(const std::string& tag, std::int64_t step, const io::Image& image);

  /// Says how the run ends: status ("complete", "interrupted", "failed"), time and duration, and the reason where there
  /// is one. The folder says so after finish(); before, manifest_text() does, for the report.
  void set_end(const std::string& status, const std::string& reason = "");

  /// Writes the manifest, the last file of a run. Without it the status stays "running", which is what a killed run
  /// leaves.
  void finish();

  /// set_end() and finish().
  void finish(const std::string& status) {
    set_end(status);
    finish();
  }

  /// The manifest as finish() would write it.
  std::string manifest_text() const;

 private:
  struct Impl;
  explicit RunDir(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Whether a folder holds the manifest of an engram run. Throws IoError for a manifest that cannot be read.
bool is_run_folder(const std::filesystem::path& path);

/// The text of the run's config.json. Throws IoError.
std::string read_run_config(const std::filesystem::path& path);

/// Throws UsageError for a path that is not a folder with the manifest of a run of `program`, DataError for a damaged
/// one.
void check_run_folder(const std::filesystem::path& path, const std::string& program);

/// What a run folder is, for messages: "an interrupted run of engram-train (hint: engram-train --resume FOLDER)".
/// Throws DataError for a damaged manifest.
std::string about_run(const std::filesystem::path& path);

/// The paths that the run in `path` was given, by setting ("data"). Throws DataError for a damaged manifest.
std::map<std::string, std::string> run_inputs(const std::filesystem::path& path);

}  // namespace engram::apps
