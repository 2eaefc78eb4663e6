#pragma once
/// manifest.json of a run folder, checked when it is read: it may come from anybody.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/common/run_dir.h"

namespace engram::apps {

inline constexpr char kManifest[] = "manifest.json", kConfig[] = "config.json", kMetrics[] = "metrics.jsonl";

/// The most that is read of manifest.json and config.json.
inline constexpr std::uint64_t kMaxRunJsonBytes = std::uint64_t{1} << 24;

using ManifestJson = nlohmann::ordered_json;

/// The manifest of a new run, status "starting".
ManifestJson new_manifest(const RunInfo& info);

/// What is said about each start: version, arguments, threads, device, processor, time.
ManifestJson start_info(const RunInfo& info);

/// The manifest in `folder`. Throws IoError when it cannot be read, DataError when it is not one of an engram run or a
/// member that a program relies on is of another type.
ManifestJson read_manifest(const std::filesystem::path& folder);

/// As it stands in the file.
std::string to_text(const ManifestJson& manifest);

/// Replaces the manifest in `folder`.
void write_manifest(const std::filesystem::path& folder, const ManifestJson& manifest);

/// The run's file patterns as the manifest lists them, RunDir's own among them. Throws UsageError for a manifest of a
/// version that listed none, DataError for patterns that check_patterns() refuses.
FilePatterns listed_files(const ManifestJson& manifest, const std::filesystem::path& folder);

/// Throws UsageError, which says what continues the run in `folder`, unless it is one of `program`.
void check_program(const ManifestJson& manifest, const std::string& program, const std::filesystem::path& folder);

/// Throws UsageError or DataError unless `info` goes on with what the run in `folder` was started with; names every
/// difference.
void check_same_run(const ManifestJson& manifest, const RunInfo& info, const std::filesystem::path& folder);

/// The configuration without what a resumed run may have otherwise: the paths of inputs, whose content counts instead,
/// and the limit of memory.
std::string comparable_settings(const RunInfo& info);

/// Now as "2024-05-31T12:00:00Z".
std::string utc_now();

}  // namespace engram::apps
