#include "apps/common/run_dir.h"

#include <chrono>
#include <optional>
#include <system_error>

#include "apps/common/hyper_parameters.h"
#include "apps/common/main_wrapper.h"
#include "apps/common/metrics_seal.h"
#include "apps/common/output_folder.h"
#include "apps/common/run_lock.h"
#include "apps/common/run_manifest.h"
#include "engine/io/atomic_file.h"
#include "engine/io/png.h"
#include "engine/io/sha256.h"
#include "engine/io/tfevents.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

std::optional<float> as_number(const io::JsonValue& value) {
  return std::visit(
      []<class T>(const T& v) -> std::optional<float> {
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) return static_cast<float>(v);
        return std::nullopt;
      },
      value);
}

/// What a folder holds before a run starts in it.
enum class Content { kNothing, kStartedRun, kRun, kOther };

Content content_of(const fs::path& folder) {
  std::error_code error;
  bool other = false, manifest = false;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    manifest |= name == kManifest;
    other |= name != kRunLock && !io::is_temporary_name(name);
  }
  if (error) throw IoError(message("[run] cannot read ", folder.string(), ": ", error.message()));
  if (!manifest || !is_run_folder(folder)) return other ? Content::kOther : Content::kNothing;
  return read_manifest(folder).value("status", "") == "starting" ? Content::kStartedRun : Content::kRun;
}

void refuse_content(Content content, const fs::path& path, bool force) {
  if (content == Content::kOther && force) {
    throw UsageError(message("[run] expected the folder of a run, got ", path.string(),
                             ", which holds other files; --force deletes runs only"));
  }
  if (content == Content::kOther || (content == Content::kRun && !force)) {
    throw UsageError(
        message("[run] expected a new folder, got the existing ", path.string(), "; --force deletes the run in it"));
  }
}

/// Refuses a place that a new run cannot have.
void check_place(const fs::path& path, bool force) {
  check_folder_place("[run]", path);
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) refuse_content(content_of(path), path, force);
}

/// The folder of a new run while it is made: taken back unless it comes to an end.
class FolderInMaking {
 public:
  /// Creates the folder and those above, locks it, and removes the files of the run in it.
  FolderInMaking(const fs::path& path, bool force, const ManifestJson& manifest) : path_(path), manifest_(manifest) {
    check_place(path, force);  // before the lock leaves a file in somebody's folder
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) made_ = create_folders("[run]", path);
    try {
      lock_ = RunLock(path);
      const Content content = content_of(path);
      refuse_content(content, path, force);
      fresh_ = content == Content::kNothing;
      own_files(path, listed_files(manifest_, path));  // refuses links in the place of what will be written
      if (!fresh_) clear_run();
      remove_run_leftovers(path, {kManifest});
    } catch (...) {
      take_back();
      throw;
    }
  }

  ~FolderInMaking() {
    if (!kept_) take_back();
  }

  RunLock keep() {
    kept_ = true;
    return std::move(lock_);
  }

 private:
  /// From the first line on the folder counts as empty, also if this is cut off, and knows what is still to go.
  void clear_run() {
    ManifestJson old = read_manifest(path_);
    const FilePatterns files = listed_files(old, path_);
    own_files(path_, files);  // refuses links before anything is removed
    old["status"] = "starting";
    write_manifest(path_, old);
    remove_run_leftovers(path_, files);
    remove_own_files(path_, files);
  }

  /// Removes what was made here. A folder that held a run keeps its manifest, which says that the folder counts as
  /// empty.
  void take_back() noexcept {
    try {
      if (fresh_) {
        remove_own_files(path_, listed_files(manifest_, path_));
        fs::remove(path_ / kManifest);
        fs::remove(path_ / kRunLock);
      }
      remove_empty_folders(made_);
    } catch (const std::exception&) {
      // What cannot be removed counts as empty.
    }
  }

  fs::path path_;
  const ManifestJson& manifest_;
  std::vector<fs::path> made_;  // the innermost first
  RunLock lock_;
  bool fresh_ = false;  // the folder held no run, and the lock is ours
  bool kept_ = false;
};

}  // namespace

void RunInfo::add_input(const std::string& setting, const fs::path& file) {
  add_input(setting, file, {{setting, io::sha256_file_hex(file)}});
}

void RunInfo::add_input(const std::string& setting, const fs::path& path,
                        const std::map<std::string, std::string>& sha256) {
  inputs[setting] = fs::absolute(path).lexically_normal().string();
  hashes.insert(sha256.begin(), sha256.end());
}

struct RunDir::Impl {
  fs::path path;
  RunLock lock;
  ManifestJson manifest;
  ManifestJson resumption;  // what continue_after() notes
  std::optional<io::JsonlWriter> metrics;
  std::optional<io::TfEventsWriter> events;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

RunDir::RunDir(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RunDir::RunDir(RunDir&&) noexcept = default;
RunDir& RunDir::operator=(RunDir&&) noexcept = default;
RunDir::~RunDir() = default;

RunDir RunDir::create(const fs::path& path, bool force, const RunInfo& info) {
  ManifestJson manifest = new_manifest(info);
  FolderInMaking folder(path, force, manifest);
  // The manifest first and last: between the two the folder counts as empty, and knows what belongs to it.
  write_manifest(path, manifest);
  io::write_file(path / kConfig, info.configuration);
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->metrics.emplace(path / kMetrics);
  impl->events.emplace(path);
  impl->events->hyper_parameters(hyper_parameters_of(info.configuration));
  manifest["status"] = "running";
  write_manifest(path, manifest);
  impl->manifest = std::move(manifest);
  impl->lock = folder.keep();
  return RunDir(std::move(impl));
}

RunDir RunDir::resume(const fs::path& path, const RunInfo& info) {
  check_run_folder(path, info.program);  // before the lock leaves a file in somebody's folder
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->lock = RunLock(path);
  impl->manifest = read_manifest(path);
  const ManifestJson fresh = new_manifest(info);
  own_files(path, listed_files(fresh, path));  // refuses links
  check_same_run(impl->manifest, info, path);
  remove_run_leftovers(path, listed_files(fresh, path));
  impl->manifest["files"] = fresh["files"];
  impl->resumption = start_info(info);
  return RunDir(std::move(impl));
}

void RunDir::check_new(const fs::path& path, bool force) {
  check_place(path, force);
}

void RunDir::check_old(const fs::path& path, const RunInfo& info) {
  check_run_folder(path, info.program);
  check_same_run(read_manifest(path), info, path);
}

void RunDir::continue_after(std::int64_t step) {
  const fs::path file = impl_->path / kMetrics;
  const io::Bytes content = fs::exists(file) ? io::read_file(file) : io::Bytes();
  ManifestJson& manifest = impl_->manifest;
  if (step >= 0) check_metrics(manifest, content, impl_->path);  // a run from the start writes them all anew
  const std::size_t kept = io::jsonl_keep_bytes(content, step, file.string());
  manifest["metrics"] = metrics_seal(io::ByteView(content).first(kept));
  if (!manifest.contains("resumed")) manifest["resumed"] = ManifestJson::array();
  impl_->resumption["after_step"] = step;
  manifest["resumed"].push_back(impl_->resumption);
  manifest["status"] = "running";
  write_manifest(impl_->path, manifest);
  // After the manifest, which would else ask for more than is there when this is cut off.
  impl_->metrics.emplace(file, step);
  impl_->events.emplace(impl_->path, step);
}

const fs::path& RunDir::path() const {
  return impl_->path;
}

void RunDir::set_fact(const std::string& name, const io::JsonValue& value) {
  impl_->manifest["facts"][name] = std::visit([](const auto& v) { return ManifestJson(v); }, value);
  write_manifest(impl_->path, impl_->manifest);
}

void RunDir::metrics(std::int64_t step, std::span<const io::JsonField> fields) {
  impl_->metrics->write(step, fields);
  for (const auto& [name, value] : fields) {
    if (const auto number = as_number(value)) impl_->events->scalar(name, step, *number);
  }
}

void RunDir::seal_metrics() {
  impl_->metrics->sync();
  impl_->manifest["metrics"] = metrics_seal(*impl_->metrics);
  write_manifest(impl_->path, impl_->manifest);
}

void RunDir::image(const std::string& tag, std::int64_t step, const io::Image& image) {
  impl_->events->image(tag, step, image.height, image.width, static_cast<int>(image.channels), io::encode_png(image));
}

void RunDir::set_end(const std::string& status, const std::string& reason) {
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - impl_->start;
  ManifestJson& manifest = impl_->manifest;
  manifest["status"] = status;
  manifest.erase("reason");
  if (!reason.empty()) manifest["reason"] = reason;
  manifest["finished"] = utc_now();
  manifest["seconds"] = seconds.count();
}

void RunDir::finish() {
  if (impl_->metrics)  // else the run failed before it went on
    seal_metrics();
  else
    write_manifest(impl_->path, impl_->manifest);
}

std::string RunDir::manifest_text() const {
  return to_text(impl_->manifest);
}

bool is_run_folder(const fs::path& path) {
  std::error_code error;
  const bool file = fs::is_regular_file(fs::symlink_status(path / kManifest, error));
  if (error == std::errc::io_error)  // nothing is known: the folder may be a run
    throw IoError(message("[run] cannot look up ", (path / kManifest).string(), ": ", error.message()));
  if (!file) return false;
  try {
    read_manifest(path);
    return true;
  } catch (const IoError&) {
    throw;
  } catch (const Error&) {
    return false;
  }
}

std::string read_run_config(const fs::path& path) {
  own_files(path, {kConfig});  // refuses links
  return std::string(io::as_text(io::read_file(path / kConfig, kMaxRunJsonBytes)));
}

void check_run_folder(const fs::path& path, const std::string& program) {
  if (!fs::exists(path / kManifest))
    throw UsageError(
        message("[run] expected the folder of a run to continue, did not find ", kManifest, " in ", path.string()));
  const ManifestJson manifest = read_manifest(path);
  check_program(manifest, program, path);
  if (!fs::exists(path / kConfig) && manifest.value("status", "") != "starting")
    throw DataError(message("[run] expected the ", kConfig, " that the run was started with in ", path.string(),
                            ", did not find it"));
}

std::string about_run(const fs::path& path) {
  const ManifestJson manifest = read_manifest(path);
  const std::string program = one_line(manifest.value("program", "another program"));
  const std::string status = manifest.value("status", "");
  if (status == "complete") return "the complete run of " + program;
  const char* state = status == "interrupted" ? "an interrupted" : status == "failed" ? "a failed" : "an unfinished";
  return message(state, " run of ", program, " (hint: ", program, " --resume ", path.string(), ")");
}

std::map<std::string, std::string> run_inputs(const fs::path& path) {
  return read_manifest(path).value("inputs", std::map<std::string, std::string>{});
}

}  // namespace engram::apps
