#include "apps/common/run_dir.h"

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "apps/common/processor.h"
#include "apps/common/version.h"
#include "engine/io/atomic_file.h"
#include "engine/io/png.h"
#include "engine/io/sha256.h"
#include "engine/io/tfevents.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{1} << 24;
constexpr char kManifest[] = "manifest.json", kConfig[] = "config.json", kMetrics[] = "metrics.jsonl";

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Json to_json(const io::JsonValue& value) {
  return std::visit([](const auto& v) { return Json(v); }, value);
}

std::optional<float> as_number(const io::JsonValue& value) {
  return std::visit(
      []<class T>(const T& v) -> std::optional<float> {
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) return static_cast<float>(v);
        return std::nullopt;
      },
      value);
}

Json start_info(const RunInfo& info) {
  return {{"version", version()},  {"arguments", info.arguments}, {"threads", info.threads},
          {"device", info.device}, {"processor", processor()},    {"started", utc_now()}};
}

Json read_manifest(const fs::path& path) {
  const io::Bytes bytes = io::read_file(path / kManifest, kMaxManifestBytes);
  const Json manifest = Json::parse(io::as_text(bytes), nullptr, false);
  if (!manifest.is_object() || !manifest.contains("engram")) {
    throw DataError(
        message("[run] expected the manifest of an engram run, got something else in ", (path / kManifest).string()));
  }
  return manifest;
}

void clear_folder(const fs::path& path) {
  // The manifest goes last: if this is cut off, what remains can still be cleared by the same call.
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename() != kManifest) entries.push_back(it->path());
  }
  for (const fs::path& entry : entries) {
    if (!error) fs::remove_all(entry, error);
  }
  if (!error) fs::remove(path / kManifest, error);
  if (error) throw IoError(message("[run] cannot clear ", path.string(), ": ", error.message()));
}

void prepare_folder(const fs::path& path, bool force) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw UsageError(message("[run] expected a folder to create, got the existing file ", path.string()));
  }
  if (fs::is_directory(status)) {
    const bool empty = fs::is_empty(path, error);
    if (error) throw IoError(message("[run] cannot read ", path.string(), ": ", error.message()));
    if (empty) return;
    if (!force) {
      throw UsageError(
          message("[run] expected a new folder, got the existing ", path.string(), "; --force deletes the run in it"));
    }
    if (!is_run_folder(path)) {
      throw UsageError(message("[run] expected the folder of a run, got ", path.string(),
                               ", which holds other files; --force deletes runs only"));
    }
    clear_folder(path);
    return;
  }
  fs::create_directories(path, error);
  if (error) throw IoError(message("[run] cannot create ", path.string(), ": ", error.message()));
}

}  // namespace

struct RunDir::Impl {
  fs::path path;
  Json manifest;
  io::JsonlWriter metrics;
  io::TfEventsWriter events;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();

  void write_manifest() const {
    io::write_file(path / kManifest, manifest.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  }
};

RunDir::RunDir(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RunDir::RunDir(RunDir&&) noexcept = default;
RunDir& RunDir::operator=(RunDir&&) noexcept = default;
RunDir::~RunDir() = default;

RunDir RunDir::create(const fs::path& path, bool force, const RunInfo& info, const std::string& config) {
  prepare_folder(path, force);
  Json manifest = {{"engram", "run"}, {"program", info.program}, {"seed", info.seed}};
  manifest.update(start_info(info));
  manifest["status"] = "running";
  manifest["hashes"] = Json::object();
  manifest["facts"] = Json::object();
  // The manifest first: from here on the folder is known as a run's.
  io::write_file(path / kManifest, manifest.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  io::write_file(path / kConfig, config);
  return RunDir(std::unique_ptr<Impl>(
      new Impl{path, std::move(manifest), io::JsonlWriter(path / kMetrics), io::TfEventsWriter(path)}));
}

RunDir RunDir::resume(const fs::path& path, const RunInfo& info, std::int64_t step) {
  std::error_code ignored;
  if (!fs::exists(path / kManifest, ignored)) {
    throw UsageError(
        message("[run] expected the folder of a run to continue, did not find ", kManifest, " in ", path.string()));
  }
  Json manifest = read_manifest(path);
  if (manifest.value("program", "") != info.program) {
    throw UsageError(message("[run] expected a run of ", info.program, ", got one of ",
                             manifest.value("program", "another program"), " in ", path.string()));
  }
  Json resumption = start_info(info);
  resumption["after_step"] = step;
  if (!manifest["resumed"].is_array()) manifest["resumed"] = Json::array();
  manifest["resumed"].push_back(std::move(resumption));
  manifest["status"] = "running";
  RunDir run(std::unique_ptr<Impl>(
      new Impl{path, std::move(manifest), io::JsonlWriter(path / kMetrics, step), io::TfEventsWriter(path, step)}));
  run.impl_->write_manifest();
  return run;
}

const fs::path& RunDir::path() const {
  return impl_->path;
}

void RunDir::add_hash(const std::string& name, const fs::path& file) {
  impl_->manifest["hashes"][name] = io::sha256_file_hex(file);
  impl_->write_manifest();
}

void RunDir::set_fact(const std::string& name, const io::JsonValue& value) {
  impl_->manifest["facts"][name] = to_json(value);
  impl_->write_manifest();
}

void RunDir::metrics(std::int64_t step, std::span<const io::JsonField> fields) {
  impl_->metrics.write(step, fields);
  for (const auto& [name, value] : fields) {
    if (const auto number = as_number(value)) impl_->events.scalar(name, step, *number);
  }
}

void RunDir::image(const std::string& tag, std::int64_t step, const io::Image& image) {
  impl_->events.image(tag, step, image.height, image.width, static_cast<int>(image.channels), io::encode_png(image));
}

void RunDir::finish(const std::string& status) {
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - impl_->start;
  impl_->manifest["status"] = status;
  impl_->manifest["finished"] = utc_now();
  impl_->manifest["seconds"] = seconds.count();
  impl_->write_manifest();
}

bool is_run_folder(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path / kManifest, ignored)) return false;
  try {
    read_manifest(path);
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string read_run_config(const fs::path& path) {
  return std::string(io::as_text(io::read_file(path / kConfig, kMaxManifestBytes)));
}

}  // namespace engram::apps
