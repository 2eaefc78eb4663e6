#pragma once
/// The live page of a plan's progress.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "apps/common/experiment/scheduler.h"
#include "apps/common/progress.h"

namespace engram::apps {

/// On a terminal a block of lines that is redrawn: how many cells are done, running, failed and left, the time left,
/// and a line for each running cell. Elsewhere a line whenever a cell starts or ends. Members may be called by any
/// thread.
///
/// The time left is that of the cells still to do, at the mean duration of those that ended in this call, `jobs` at a
/// time; it is not known before the first one ends.
class Board : public SchedulerObserver {
 public:
  /// `total` cells, of which `complete` are there already.
  Board(int total, int complete, int jobs, const ProgressOptions& options);
  ~Board() override;

  void started(const Cell& cell) override;
  void ended(const Cell& cell, const AttemptResult& result, double seconds) override;
  void waiting_for(const Cell& cell) override;
  /// The newest line that a running cell says about itself.
  void said(const Cell& cell, const std::string& line);

 private:
  std::string summary() const;
  void line(const std::string& text);
  void erase();
  void draw();
  double now() const;

  std::mutex mutex_;
  ProgressOptions options_;
  std::ostream& out_;
  int total_, complete_, jobs_, failed_ = 0, ended_ = 0;
  double seconds_ = 0;                          // of those that ended
  std::map<std::string, std::string> running_;  // title, newest line
  int drawn_lines_ = 0;
  double last_drawn_ = 0;
};

}  // namespace engram::apps
