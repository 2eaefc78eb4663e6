#pragma once
/// One side of a comparison: a file of results, or a build that is run.

#include <filesystem>
#include <ostream>
#include <string>

#include "bench/engram_bench/measure_cases.h"

namespace engram::bench {

struct Side {
  std::filesystem::path file = {};     ///< results; empty for a build
  std::filesystem::path program = {};  ///< a build's engram-bench; empty for a file

  bool is_file() const { return !file.empty(); }
};

/// What `word` names: a file of results; a build folder; a source folder with build/release in it; or a commit of the
/// repository here, which is built in build/compare/COMMIT with the release preset. Messages of the build go to
/// standard error. Throws UsageError for anything else.
Side find_side(const std::string& word, std::ostream& progress);

/// One process of the side's program: as many samples of the chosen cases as `options` says. Throws DataError with the
/// program's exit code when it fails.
Results run_side(const Side& side, const RunOptions& options);

}  // namespace engram::bench
