#include "apps/common/run_manifest.h"

#include <algorithm>
#include <ctime>

#include "apps/common/metrics_seal.h"
#include "apps/common/processor.h"
#include "apps/common/version.h"
#include "engine/io/atomic_file.h"
#include "engine/io/sha256.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// The members that programs rely on, with their types; a manifest of an older version may lack them.
bool well_formed(const Json& manifest) {
  const auto is = [&](const char* name, bool (*fits)(const Json&)) {
    const auto member = manifest.find(name);
    return member == manifest.end() || fits(*member);
  };
  const auto text = [](const Json& value) { return value.is_string(); };
  const auto texts_by_name = [](const Json& value) {
    return value.is_object() && std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); });
  };
  const auto texts = [](const Json& value) {
    return value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); });
  };
  const auto object = [](const Json& value) { return value.is_object(); };
  const auto array = [](const Json& value) { return value.is_array(); };
  const auto integer = [](const Json& value) { return value.is_number_integer(); };
  return is("program", text) && is("status", text) && is("config_sha256", text) && is("hashes", texts_by_name) &&
         is("inputs", texts_by_name) && is("files", texts) && is("facts", object) && is("resumed", array) &&
         is("threads", integer) && is("metrics", is_metrics_seal);
}

std::string manifest_text(const Json& manifest, const char* name) {
  const auto member = manifest.find(name);
  return member == manifest.end() ? "" : member->get<std::string>();
}

/// The key of a setting in configuration files.
std::string key_of(std::string setting) {
  std::replace(setting.begin(), setting.end(), '-', '_');
  return setting;
}

/// A configuration as it is compared with another: without the paths of inputs, whose content counts instead, and
/// without a limit of memory, which decides whether a run goes on, not what it computes.
Json comparable(const std::string& text, const RunInfo& info) {
  Json configuration = Json::parse(text, nullptr, false, true);
  if (!configuration.is_object()) return configuration;
  for (const auto& [setting, path] : info.inputs) configuration.erase(key_of(setting));
  if (const auto limit = configuration.find("memory_limit"); limit != configuration.end()) *limit = 0.0;
  return configuration;
}

/// "lr 0.1 (the run: 0.05), seed 2 (the run: 1)" for the settings that differ; empty when none does.
std::string differences(const RunInfo& info, const std::string& run_text) {
  const Json given = comparable(info.configuration, info), run = comparable(run_text, info);
  std::string text;
  if (!given.is_object() || !run.is_object()) return text;
  for (const auto& [name, value] : given.items()) {
    const auto before = run.find(name);  // a setting that the run's version did not have had its default
    if (before != run.end() && *before != value)
      text += (text.empty() ? "" : ", ") + name + " " + value.dump() + " (the run: " + before->dump() + ")";
  }
  return text;
}

void check_configuration(const Json& manifest, const RunInfo& info, const fs::path& folder) {
  const std::string text = read_run_config(folder);
  const std::string hash = manifest_text(manifest, "config_sha256");
  if (!hash.empty() && io::sha256_hex(io::as_bytes(text)) != hash) {
    throw DataError(message("[run] expected the ", kConfig, " that the run was started with in ", folder.string(),
                            ", got an edited one"));
  }
  const std::string changed = differences(info, text);
  if (!changed.empty()) {
    throw DataError(message("--resume: expected the configuration of the run in ", folder.string(), ", got ", changed,
                            "; hint: leave its settings out"));
  }
  const auto threads = manifest.find("threads");
  if (threads != manifest.end() && *threads != info.threads) {
    throw DataError(message("--resume: expected the ", threads->dump(), " threads of the run in ", folder.string(),
                            ", got ", info.threads, "; results depend on their number in the last digits"));
  }
}

void check_inputs(const Json& manifest, const RunInfo& info, const fs::path& folder) {
  const Json hashes = manifest.value("hashes", Json::object());
  const Json inputs = manifest.value("inputs", Json::object());
  std::string changed;
  for (const auto& [name, hash] : hashes.items()) {
    const auto now = info.hashes.find(name);
    if (now != info.hashes.end() && hash == now->second) continue;
    const std::string setting = name.substr(0, name.find('/'));
    const auto path = info.inputs.find(setting);
    changed += (changed.empty() ? "" : ", ") + name;
    if (path != info.inputs.end()) changed += " of other content in " + path->second;
    if (inputs.contains(setting)) changed += " (the run: " + inputs[setting].get<std::string>() + ")";
  }
  for (const auto& [name, hash] : info.hashes)
    if (!hashes.contains(name)) changed += (changed.empty() ? "" : ", ") + name + ", of which the manifest has no hash";
  if (!changed.empty()) {
    throw DataError(message("--resume: expected the inputs of the run in ", folder.string(), ", got ", changed,
                            "; their SHA-256 differ from the manifest's"));
  }
}

}  // namespace

std::string comparable_settings(const RunInfo& info) {
  return comparable(info.configuration, info).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Json start_info(const RunInfo& info) {
  return {{"version", version()},  {"arguments", info.arguments}, {"threads", info.threads},
          {"device", info.device}, {"processor", processor()},    {"started", utc_now()}};
}

Json new_manifest(const RunInfo& info) {
  Json manifest = {{"engram", "run"}, {"program", info.program}, {"seed", info.seed}};
  manifest.update(start_info(info));
  manifest["status"] = "starting";
  manifest["config_sha256"] = io::sha256_hex(io::as_bytes(info.configuration));
  manifest["inputs"] = info.inputs;
  manifest["hashes"] = info.hashes;
  FilePatterns files = {kConfig, kMetrics, "events.out.tfevents.*.engram*", "report.html"};
  files.insert(files.end(), info.files.begin(), info.files.end());
  manifest["files"] = files;
  manifest["facts"] = Json::object();
  manifest["metrics"] = metrics_seal(io::ByteView());
  return manifest;
}

Json read_manifest(const fs::path& folder) {
  const fs::path file = folder / kManifest;
  own_files(folder, {kManifest});  // refuses links
  const io::Bytes bytes = io::read_file(file, kMaxRunJsonBytes);
  const Json manifest = Json::parse(io::as_text(bytes), nullptr, false);
  if (!manifest.is_object() || !manifest.contains("engram")) {
    throw DataError(message("[run] expected the manifest of an engram run, got something else in ", file.string()));
  }
  if (!well_formed(manifest)) {
    throw DataError(message("[run] expected the manifest as a program wrote it, got one with members of other types: ",
                            file.string()));
  }
  return manifest;
}

std::string to_text(const Json& manifest) {
  return manifest.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void write_manifest(const fs::path& folder, const Json& manifest) {
  io::write_file(folder / kManifest, to_text(manifest));
}

FilePatterns listed_files(const Json& manifest, const fs::path& folder) {
  const auto files = manifest.find("files");
  if (files == manifest.end()) {
    throw UsageError(message("[run] expected a manifest that lists the run's files in ", folder.string(),
                             ", got one of an older version; hint: delete the folder yourself"));
  }
  FilePatterns patterns = files->get<FilePatterns>();
  check_patterns(patterns, (folder / kManifest).string());
  return patterns;
}

void check_program(const Json& manifest, const std::string& program, const fs::path& folder) {
  const std::string other = manifest_text(manifest, "program");
  if (other == program) return;
  if (other.empty())
    throw UsageError(
        message("[run] expected a run of ", program, ", got one of no named program in ", folder.string()));
  throw UsageError(message("[run] expected a run of ", program, ", got one of ", other, " in ", folder.string(),
                           "; hint: ", other, " --resume ", folder.string()));
}

void check_same_run(const Json& manifest, const RunInfo& info, const fs::path& folder) {
  check_program(manifest, info.program, folder);
  if (manifest_text(manifest, "status") == "starting") {
    throw UsageError(message("[run] expected a run that had begun in ", folder.string(),
                             ", got one that was killed before; hint: start it anew with --out"));
  }
  check_configuration(manifest, info, folder);
  check_inputs(manifest, info, folder);
}

}  // namespace engram::apps
