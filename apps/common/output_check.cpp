#include "apps/common/output_check.h"

#include <algorithm>

#include "apps/common/run_dir.h"
#include "apps/common/run_files.h"
#include "apps/common/run_manifest.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

bool is_same(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return fs::weakly_canonical(a, ignored) == fs::weakly_canonical(b, ignored) || fs::equivalent(a, b, ignored);
}

bool is_below(const fs::path& file, const fs::path& folder) {
  std::error_code ignored;
  const fs::path way = fs::relative(file, folder, ignored);
  return !way.empty() && *way.begin() != "..";
}

/// Whether the file is part of what a folder is read for. A run folder may hold other things beside.
bool belongs_to(const fs::path& file, const fs::path& folder) {
  if (!is_below(file, folder)) return false;
  if (!is_run_folder(folder)) return true;
  const std::vector<fs::path> own = own_files(folder, listed_files(read_manifest(folder), folder));
  return std::ranges::any_of(own, [&](const fs::path& part) { return is_same(part, file); });
}

}  // namespace

void check_replaces_nothing(const std::string& label, const fs::path& output, const std::vector<std::string>& inputs,
                            const std::vector<fs::path>& others) {
  std::error_code ignored;
  if (output == "-" || (fs::exists(output, ignored) && !fs::is_regular_file(output, ignored))) return;
  for (const fs::path& other : others)
    if (is_same(output, other))
      throw UsageError(message(label, ": expected a file of its own, got ", output.string(), " twice"));
  if (!fs::exists(output, ignored)) return;
  for (const std::string& input : inputs) {
    if (input.empty()) continue;
    if (is_same(output, input) || (fs::is_directory(input, ignored) && belongs_to(output, input)))
      throw UsageError(
          message(label, ": expected a file that is no input, got ", output.string(), ", which the program reads"));
  }
}

}  // namespace engram::apps
