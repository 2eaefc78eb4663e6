#pragma once
/// Runs the cells of a plan that are not there yet, several side by side.

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "apps/common/experiment/cell_store.h"

namespace engram::apps {

/// One attempt at a cell.
struct CellAttempt {
  const Cell& cell;
  std::filesystem::path config;  ///< configuration file
  std::filesystem::path folder;  ///< of the run
  bool resume = false;           ///< the folder holds an unfinished run to be continued; else it is to be made
};

/// How an attempt ended.
struct AttemptResult {
  int exit_code = 0;
  std::string failure;  ///< one line, where the code is not 0
};

/// Runs an attempt to its end, on the calling thread. Called from several threads at once.
using RunCell = std::function<AttemptResult(const CellAttempt&)>;

/// What happens, as it happens. Members are called by several threads, one at a time.
class SchedulerObserver {
 public:
  virtual ~SchedulerObserver() = default;
  virtual void started(const Cell&) = 0;
  virtual void ended(const Cell&, const AttemptResult&, double seconds) = 0;
  /// Another process holds this cell; it is waited for.
  virtual void waiting_for(const Cell&) = 0;
};

struct SchedulerOptions {
  int jobs = 1;
  double poll_seconds = 1;               ///< between looks at cells that other processes hold
  std::function<bool()> stop_requested;  ///< no further cell starts then; those that run end by themselves
};

/// Numbers of cells by how they ended.
struct SchedulerResult {
  int complete = 0;  ///< there at the end, whoever made them
  int failed = 0;    ///< those that failed, and those that need them
  int left = 0;      ///< not begun or interrupted
};

/// Runs those of the cells `chosen` (indices in order, each after its needs) that are not complete. A cell that failed
/// in an earlier call is tried again. A cell whose need failed is not run and counts as failed. A cell that another
/// process holds is waited for, and taken over if that process ends without completing it. Throws what reading and
/// writing the store throws, after the running cells have ended.
SchedulerResult run_cells(const std::vector<Cell>& cells, const std::vector<std::size_t>& chosen,
                          const CellStore& store, const RunCell& run, SchedulerObserver& observer,
                          const SchedulerOptions& options);

}  // namespace engram::apps
