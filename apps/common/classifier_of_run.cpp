#include "apps/common/classifier_of_run.h"

#include <string>
#include <vector>

#include "apps/common/run_dir.h"
#include "apps/common/run_manifest.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& folder, const std::string& got) {
  throw DataError(
      message("expected a classifier's file or the folder of a run that has one, got ", folder.string(), ", ", got));
}

/// The networks of a finished pruning, by their ratios.
std::vector<fs::path> pruned_networks(const fs::path& run) {
  if (read_manifest(run).value("status", "") != "complete") return {};
  return own_files(run, {"pruned_*.safetensors"});
}

}  // namespace

fs::path classifier_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  const fs::path trained = path / "classifier.safetensors";
  if (fs::is_regular_file(trained, ignored)) return trained;
  if (!is_run_folder(path)) refuse(path, "a folder without classifier.safetensors and without a run");
  const std::vector<fs::path> pruned = pruned_networks(path);
  if (pruned.size() == 1) return pruned.front();
  if (pruned.empty()) refuse(path, about_run(path) + ", which has none");
  std::string names;
  for (const fs::path& file : pruned) names += (names.empty() ? "" : ", ") + file.filename().string();
  refuse(path, about_run(path) + ", which has several; hint: name one of " + names);
}

}  // namespace engram::apps
