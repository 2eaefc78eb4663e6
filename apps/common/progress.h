#pragma once
/// A progress line on a terminal, quiet lines elsewhere.

#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "apps/common/call.h"

namespace engram::apps {

/// A value that the line shows: name and number.
using ProgressValue = std::pair<std::string_view, double>;

/// Where and how often progress is shown. The default is standard error.
struct ProgressOptions {
  std::ostream* out = nullptr;    ///< nullptr: standard error
  bool terminal = false;          ///< redraw one line
  int width = 80;                 ///< columns of the terminal
  bool quiet = false;             ///< show nothing
  double redraw_seconds = 0.1;    ///< on a terminal
  double line_seconds = 30;       ///< elsewhere: time between lines
  std::string unit = "it";        ///< of the counter, for the rate
  std::function<double()> clock;  ///< seconds, any origin; empty: the steady clock
};

/// Options for the messages of a call: a redrawn line of the window's width when they go to a terminal, plain lines
/// otherwise.
ProgressOptions standard_progress(const Call& call, bool quiet = false);

/// Shows `label  done/total  rate  time left  values`. Rate and time left are those of the last 20 seconds or so.
class Progress {
 public:
  /// `total` 0 means that the end is not known. `done` is where a resumed run starts; it does not count for the rate.
  Progress(std::string label, std::int64_t total, const ProgressOptions& options, std::int64_t done = 0);
  /// Leaves the line that is shown and ends it.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Tells how far the work is. Cheap when it is not yet time to draw.
  void update(std::int64_t done, std::span<const ProgressValue> values);
  void update(std::int64_t done, std::initializer_list<ProgressValue> values = {}) {
    update(done, std::span<const ProgressValue>(values.begin(), values.size()));
  }

  /// Prints a line of text, without breaking the progress line; nothing where the options are quiet.
  void message(const std::string& text);

  /// Draws the last state and ends the line. update() may follow for another round.
  void finish();

 private:
  double now() const;
  std::string line(std::span<const ProgressValue> values) const;
  void draw(const std::string& text);
  void erase();

  std::string label_;
  std::int64_t total_, done_;
  ProgressOptions options_;
  std::ostream& out_;
  std::deque<std::pair<double, std::int64_t>> history_;  // time and counter, the last 20 seconds
  std::string last_;                                     // as drawn or to be drawn
  double last_drawn_;
  bool shown_ = false;    // a terminal line stands unfinished
  bool pending_ = false;  // last_ is newer than what is shown
};

/// "7s", "3:05", "2:01:30".
std::string format_duration(double seconds);

/// "12.3 it/s", or "4.20 s/it" below one a second; "- it/s" when it is not known.
std::string format_rate(double per_second, const std::string& unit);

}  // namespace engram::apps
