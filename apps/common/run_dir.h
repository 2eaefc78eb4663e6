#pragma once
/// The folder that a run writes: configuration, manifest, metrics, images.

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

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
};

/// A run folder:
///
///   manifest.json           program, version, command line, seed, threads, device, processor, hashes of inputs, times
///   config.json             the resolved configuration, to be given back through --config
///   metrics.jsonl           one line per report
///   events.out.tfevents.*   the same for TensorBoard, and images
///
/// manifest.json and config.json are replaced atomically; metrics grow by whole lines. All members throw IoError when
/// the system refuses.
class RunDir {
 public:
  /// Starts a new run in `path`, creating it and the folders above. A folder that holds anything is refused with
  /// UsageError, unless `force` is set and it is a run folder (has a manifest.json of engram): then its content is
  /// deleted first. Without an error, manifest.json (status "running") and config.json are there on return.
  static RunDir create(const std::filesystem::path& path, bool force, const RunInfo& info, const std::string& config);

  /// Continues the run in `path` after `step`: metrics of later steps are dropped, and the manifest notes the
  /// resumption. Throws UsageError when it is not a run folder, DataError for a damaged manifest or metrics file.
  static RunDir resume(const std::filesystem::path& path, const RunInfo& info, std::int64_t step);

  RunDir(RunDir&&) noexcept;
  RunDir& operator=(RunDir&&) noexcept;
  ~RunDir();

  const std::filesystem::path& path() const;
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path() / name; }

  /// Adds the SHA-256 of an input file to the manifest, under "hashes".
  void add_hash(const std::string& name, const std::filesystem::path& file);

  /// Sets a member of the manifest's "facts", for example the number of parameters or the final accuracy.
  void set_fact(const std::string& name, const io::JsonValue& value);

  /// Appends a line to metrics.jsonl and the numbers among the fields to TensorBoard.
  void metrics(std::int64_t step, std::span<const io::JsonField> fields);
  void metrics(std::int64_t step, std::initializer_list<io::JsonField> fields) {
    metrics(step, std::span<const io::JsonField>(fields.begin(), fields.size()));
  }

  /// Shows an image in TensorBoard. To keep it as a file as well, write it with io::write_png.
  void image(const std::string& tag, std::int64_t step, const io::Image& image);

  /// Records the end: status ("complete", "interrupted"), time and duration. Without it the status stays "running",
  /// which is what a killed run leaves.
  void finish(const std::string& status);

 private:
  struct Impl;
  explicit RunDir(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Whether a folder holds the manifest of an engram run.
bool is_run_folder(const std::filesystem::path& path);

/// The text of the run's config.json. Throws IoError.
std::string read_run_config(const std::filesystem::path& path);

}  // namespace engram::apps
