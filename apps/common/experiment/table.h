#pragma once
/// The table of a plan: published beside measured.

#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/experiment/cell_store.h"
#include "apps/common/experiment/statistics.h"

namespace engram::apps {

/// One row: the seeds of one of the plan's cells.
struct TableRow {
  PlanRow plan;
  MeanInterval last, best;          ///< over the seeds that are complete
  double last_minus_published = 0;  ///< against the first published value, where there is one and a measured one
  PairedTest against_reference;     ///< last value minus the reference's, paired by seed; count 0 without
  double best_epoch = 0, epochs = 0, steps = 0, images = 0;  ///< means
  double device_hours = 0;                                   ///< of all its seeds' attempts
  int seeds = 0;                                             ///< that the plan asks for
  std::vector<std::string> failures;                         ///< "seed 3: exit code 3: ..." of seeds that failed
};

struct Table {
  std::string title, scale, note, measure;
  bool percent = true;
  std::vector<TableRow> rows;
};

/// Reads what is there. Cells that are missing leave their row with fewer seeds, or none.
Table make_table(const Plan& plan, const std::vector<Cell>& cells, const CellStore& store);

/// table.md, table.csv, table.json and table.html, each replaced as a whole. Throws IoError.
void write_table(const std::filesystem::path& folder, const Table& table);

/// The table as Markdown.
std::string table_markdown(const Table& table);

}  // namespace engram::apps
