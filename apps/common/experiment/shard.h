#pragma once
/// Which part of a plan's cells a process runs, where several share them.

#include <string>

namespace engram::apps {

struct Shard {
  int index = 0, count = 1;  ///< index from 0
};

/// From `text`, "I/N" with I from 1, else from the variables of a SLURM job array, else everything. Throws UsageError
/// for texts of another form, parts that there are not, and arrays that are not numbered without gaps.
Shard read_shard(const std::string& text);

}  // namespace engram::apps
