#pragma once
/// The cells of a plan as runs: each a program, a resolved configuration and a seed, named by the hash of all three.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "apps/common/experiment/plan.h"

namespace engram::apps {

/// A setting whose value is a place that is known when the cell runs.
struct CellInput {
  enum class Kind { kData, kCell, kFile };
  Kind kind = Kind::kData;
  std::string key;       ///< the setting; empty for an argument without a name
  std::string name;      ///< kData: the set's name; kFile: the file as the plan says it
  std::size_t cell = 0;  ///< kCell: index of the cell that makes it
  std::string file;      ///< kCell: its name in that cell's folder
};

/// One run.
struct Cell {
  std::string name;  ///< of the plan's cell
  std::uint64_t seed = 0;
  std::string program;
  std::vector<PlanSetting> settings;  ///< those that are no inputs
  std::vector<CellInput> inputs;
  std::vector<std::size_t> needs;  ///< indices of the cells whose files it reads
  /// 16 hexadecimal digits of the SHA-256 of program, settings, inputs (data sets by name, files of cells by those
  /// cells' hashes) and seed: the same run has the same name in every plan and on every machine.
  std::string hash;
};

/// "resnet20 seed 3": for people.
std::string cell_title(const Cell& cell);

/// The runs of a plan, each after those that it needs (otherwise in the plan's order, seed after seed). A cell that
/// refers to another one takes the other's run of the same seed, or its only one. Throws UsageError that names the
/// cells: for a reference to a cell that the plan does not have, to a seed that it is not run with, for a cycle, for a
/// data set that the plan does not name, and for a file that does not exist.
std::vector<Cell> expand_cells(const Plan& plan);

/// Indices of the cells that match `pattern` (a name with * and ?; empty: all) and fall to shard `index` of `count`
/// (from 0), with everything that they need, in order. Throws UsageError when nothing matches.
std::vector<std::size_t> choose_cells(const std::vector<Cell>& cells, const std::string& pattern, int shard,
                                      int shards);

/// The configuration file of a cell: its settings and its seed. It names no place, so that it is the same everywhere.
std::string cell_config(const Cell& cell);

/// The words of the command line that say where a cell's inputs are: "--init=PLACE", or the place alone for an argument
/// without a name. `data` gives the folder of each data set; `cells` is the folder that holds the cells' folders.
/// Throws UsageError for a data set without a folder.
std::vector<std::string> cell_arguments(const Cell& cell, const std::vector<Cell>& all, const Plan& plan,
                                        const std::map<std::string, std::filesystem::path>& data,
                                        const std::filesystem::path& cells);

}  // namespace engram::apps
