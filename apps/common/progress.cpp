#include "apps/common/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>

namespace engram::apps {
namespace {

constexpr double kWindowSeconds = 20;

template <class... Args>
std::string format(const char* pattern, Args... args) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, args...);
  return text;
}

/// Characters of a line.
std::size_t room(const ProgressOptions& options) {
  if (!options.terminal) return std::string::npos;
  // One column stays free: some terminals wrap when the last is filled.
  return static_cast<std::size_t>(std::max(1, options.width - 1));
}

}  // namespace

std::string format_duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 60) return format("%llds", whole);
  if (whole < 3600) return format("%lld:%02lld", whole / 60, whole % 60);
  return format("%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string format_rate(double per_second, const std::string& unit) {
  if (!(per_second > 0) || std::isinf(per_second)) return "- " + unit + "/s";
  if (per_second < 1) return format("%.2f s/", 1 / per_second) + unit;
  return format(per_second < 100 ? "%.1f " : "%.0f ", per_second) + unit + "/s";
}

ProgressOptions standard_progress(const Call& call, bool quiet) {
  ProgressOptions options;
  options.out = call.err;
  options.quiet = quiet;
  options.terminal = call.terminal;
  winsize size{};
  if (options.terminal && ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    options.width = size.ws_col;
  return options;
}

Progress::Progress(std::string label, std::int64_t total, const ProgressOptions& options, std::int64_t done)
    : label_(std::move(label)),
      total_(total),
      done_(done),
      options_(options),
      out_(options.out ? *options.out : std::cerr),
      last_drawn_(now()) {
  history_.emplace_back(last_drawn_, done);
}

Progress::~Progress() {
  finish();
}

double Progress::now() const {
  if (options_.clock) return options_.clock();
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string Progress::line(std::span<const ProgressValue> values) const {
  std::string text = label_ + "  " + std::to_string(done_);
  if (total_ > 0) text += "/" + std::to_string(total_);
  const double seconds = history_.back().first - history_.front().first;
  const auto steps = static_cast<double>(history_.back().second - history_.front().second);
  const double rate = seconds > 0 ? steps / seconds : 0;
  text += "  " + format_rate(rate, options_.unit);
  if (total_ > done_ && rate > 0) text += "  " + format_duration(static_cast<double>(total_ - done_) / rate) + " left";
  for (const auto& [name, value] : values) {
    const std::string shown = "  " + std::string(name) + " " + format("%.4g", value);
    if (text.size() + shown.size() > room(options_)) break;  // half a name or number would read as another
    text += shown;
  }
  return text;
}

void Progress::update(std::int64_t done, std::span<const ProgressValue> values) {
  done_ = done;
  if (options_.quiet) return;
  const double time = now();
  const double wait = time - last_drawn_;
  const bool due = wait >= (options_.terminal ? options_.redraw_seconds : options_.line_seconds);
  const bool at_end = total_ > 0 && done >= total_;
  // A second's worth of history is enough between drawings; the text is made only when it may be shown.
  if (!due && !at_end && time - history_.back().first < options_.redraw_seconds) return;
  history_.emplace_back(time, done);
  while (history_.size() > 2 && time - history_[1].first >= kWindowSeconds) history_.pop_front();
  last_ = line(values);
  pending_ = true;
  if (!due) return;
  draw(last_);
  last_drawn_ = time;
}

void Progress::draw(const std::string& text) {
  if (options_.terminal) {
    out_ << "\r\033[K" << text.substr(0, room(options_)) << std::flush;
    shown_ = true;
  } else {
    out_ << text << std::endl;
  }
  pending_ = false;
}

void Progress::erase() {
  if (!shown_) return;
  out_ << "\r\033[K";
  shown_ = false;
}

void Progress::message(const std::string& text) {
  if (options_.quiet) return;
  const bool redraw = shown_;
  erase();
  out_ << text << std::endl;
  if (redraw) draw(last_);
}

void Progress::finish() {
  if (!options_.quiet && pending_) draw(last_);
  if (shown_) out_ << std::endl;
  shown_ = false;
}

}  // namespace engram::apps
