#include "bench/engram_bench/side.h"

#include "apps/common/call.h"
#include "bench/engram_bench/child_process.h"
#include "kernels/common/error.h"

namespace engram::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "bench/engram-bench";

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

void require(const std::vector<std::string>& words) {
  const ChildResult result = run_child(words);
  if (result.code == 0) return;
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  throw DataError(message("[compare] expected '", line, "' to succeed, got exit code ", result.code));
}

/// Builds engram-bench of a commit in a work tree of its own, or finds it there.
fs::path built_commit(const std::string& commit, std::ostream& progress) {
  const fs::path root = first_line(run_child({"git", "rev-parse", "--show-toplevel"}).output);
  const fs::path tree = root / "build" / "compare" / commit, build = tree / "build" / "release";
  if (fs::exists(build / kProgram)) return build / kProgram;
  apps::print(progress, "compare: builds %s in %s\n", commit.c_str(), tree.c_str());
  if (!fs::exists(tree)) require({"git", "-C", root.string(), "worktree", "add", "--detach", tree.string(), commit});
  require({"cmake", "-S", tree.string(), "-B", build.string(), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
           "-DENGRAM_BUILD_TESTS=OFF"});
  require({"cmake", "--build", build.string(), "--target", "engram-bench"});
  return build / kProgram;
}

}  // namespace

Side find_side(const std::string& word, std::ostream& progress) {
  const fs::path path = word;
  if (fs::is_regular_file(path)) return {.file = path};
  for (const fs::path& folder : {path, path / "build" / "release"})
    if (fs::is_directory(path) && fs::exists(folder / kProgram)) return {.program = folder / kProgram};
  if (fs::exists(path))
    throw UsageError(message("[compare] expected a build with ", kProgram, ", got ", word, " without it"));
  const ChildResult commit = run_child({"git", "rev-parse", "--quiet", "--verify", word + "^{commit}"}, true);
  if (commit.code != 0)
    throw UsageError(message("[compare] expected a file, a build folder or a commit, got '", word, "'"));
  return {.program = built_commit(first_line(commit.output), progress)};
}

Results run_side(const Side& side, const RunOptions& options) {
  std::vector<std::string> words = {side.program.string(), "run"};
  words.insert(words.end(), options.cases.families.begin(), options.cases.families.end());
  const auto add = [&](const std::string& name, const std::string& value) {
    words.insert(words.end(), {"--" + name, value});
  };
  if (!options.cases.shape.empty()) add("shape", options.cases.shape);
  // Builds from before these options know the defaults alone.
  if (options.cases.size != "large") add("size", options.cases.size);
  if (options.cases.order != "device") add("order", options.cases.order);
  if (options.isa != "best") add("isa", options.isa);
  add("scale", std::to_string(options.cases.scale));
  add("device", options.cases.device);
  add("threads", std::to_string(options.threads));
  add("repeat", std::to_string(options.rounds));
  add("sample-ms", std::to_string(options.sample_ms));
  add("seed", std::to_string(options.seed));
  add("session", options.session);
  add("out", "/dev/stdout");
  words.push_back("--no-table");
  const ChildResult result = run_child(words);
  if (result.code != 0)
    throw DataError(
        message("[compare] expected ", side.program.string(), " run to succeed, got exit code ", result.code));
  return parse_results(result.output, side.program.string());
}

}  // namespace engram::bench
