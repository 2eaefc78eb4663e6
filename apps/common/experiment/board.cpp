#include "apps/common/experiment/board.h"

#include <chrono>
#include <iostream>

#include "apps/common/exit_code.h"
#include "kernels/common/error.h"

namespace engram::apps {

Board::Board(int total, int complete, int jobs, const ProgressOptions& options)
    : options_(options), out_(options.out ? *options.out : std::cerr), total_(total), complete_(complete), jobs_(jobs) {
  if (options_.terminal)
    draw();
  else
    line(summary());
}

Board::~Board() {
  if (drawn_lines_ > 0) out_ << std::flush;
}

double Board::now() const {
  if (options_.clock) return options_.clock();
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string Board::summary() const {
  const int left = total_ - complete_ - failed_ - int(running_.size());
  std::string text = message("cells ", complete_, "/", total_, " done, ", running_.size(), " running, ", failed_,
                             " failed, ", left, " to do");
  const int undone = left + int(running_.size());
  if (undone > 0 && ended_ > 0) text += "  time left " + format_duration(seconds_ / ended_ * undone / jobs_);
  return text;
}

void Board::erase() {
  for (int i = 0; i < drawn_lines_; ++i) out_ << "\x1b[1A\x1b[2K";
  drawn_lines_ = 0;
}

void Board::draw() {
  if (!options_.terminal || options_.quiet) return;
  erase();
  const auto fitting = [&](std::string text) {
    if (int(text.size()) >= options_.width) text.resize(std::size_t(options_.width - 1));
    return text + "\n";
  };
  out_ << fitting(summary());
  for (const auto& [title, text] : running_) out_ << fitting("  " + title + "  " + text);
  out_ << std::flush;
  drawn_lines_ = 1 + int(running_.size());
  last_drawn_ = now();
}

void Board::line(const std::string& text) {
  if (options_.quiet) return;
  erase();
  out_ << text << "\n" << std::flush;
  draw();
}

void Board::started(const Cell& cell) {
  const std::lock_guard lock(mutex_);
  running_[cell_title(cell)] = "";
  if (options_.terminal)
    draw();
  else
    line("started " + cell_title(cell));
}

void Board::ended(const Cell& cell, const AttemptResult& result, double seconds) {
  const std::lock_guard lock(mutex_);
  running_.erase(cell_title(cell));
  if (result.exit_code == 0) {
    ++complete_;
    ++ended_;
    seconds_ += seconds;
    line(message("done    ", cell_title(cell), " in ", format_duration(seconds), "  (", summary(), ")"));
  } else if (result.exit_code == kExitInterrupted) {
    line("stopped " + cell_title(cell));
  } else {
    ++failed_;
    line(message("FAILED  ", cell_title(cell), ", exit code ", result.exit_code, ": ", result.failure));
  }
}

void Board::waiting_for(const Cell& cell) {
  const std::lock_guard lock(mutex_);
  line("waiting for " + cell_title(cell) + ", which another process runs");
}

void Board::said(const Cell& cell, const std::string& text) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(cell_title(cell));
  if (found == running_.end()) return;
  found->second = text;
  if (now() - last_drawn_ >= options_.redraw_seconds) draw();
}

}  // namespace engram::apps
