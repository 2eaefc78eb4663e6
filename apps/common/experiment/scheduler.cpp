#include "apps/common/experiment/scheduler.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <set>
#include <thread>

#include "apps/common/exit_code.h"
#include "engine/io/atomic_file.h"

namespace engram::apps {
namespace {

using Clock = std::chrono::steady_clock;

class Scheduler {
 public:
  Scheduler(const std::vector<Cell>& cells, const std::vector<std::size_t>& chosen, const CellStore& store,
            const RunCell& run, SchedulerObserver& observer, const SchedulerOptions& options)
      : cells_(cells), chosen_(chosen), store_(store), run_(run), observer_(observer), options_(options) {
    state_.assign(cells.size(), State::kOutside);
    for (std::size_t index : chosen) state_[index] = State::kOpen;
  }

  SchedulerResult run() {
    {
      std::vector<std::jthread> threads;  // waited for on every way out
      guarded([&] {
        for (int i = 1; i < options_.jobs; ++i) threads.emplace_back([this] { guarded([this] { work(); }); });
        work();
      });
    }
    if (error_) std::rethrow_exception(error_);
    SchedulerResult result;
    for (std::size_t index : chosen_) {
      result.complete += state_[index] == State::kComplete;
      result.failed += state_[index] == State::kFailed;
      result.left += state_[index] == State::kOpen || state_[index] == State::kInterrupted;
    }
    return result;
  }

 private:
  enum class State { kOutside, kOpen, kRunning, kComplete, kFailed, kInterrupted };

  /// A cell that this thread may run now, claimed.
  struct Taken {
    std::size_t index;
    Claim claim;
    bool resume;
  };

  /// Keeps the first exception of any thread for run(); the others stop for it.
  template <class Part>
  void guarded(const Part& part) {
    try {
      part();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
    changed_.notify_all();
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (!finished()) {
      if (const std::optional<Taken> taken = take())
        attempt(*taken, lock);
      else if (!finished())
        changed_.wait_for(lock, std::chrono::duration<double>(options_.poll_seconds));
    }
  }

  bool finished() const {
    if (error_ || (options_.stop_requested && options_.stop_requested())) return true;
    for (std::size_t index : chosen_)
      if (state_[index] == State::kOpen || state_[index] == State::kRunning) return false;
    return true;
  }

  bool ready(const Cell& cell) const {
    for (std::size_t need : cell.needs)
      if (state_[need] != State::kComplete) return false;
    return true;
  }

  bool any_need_is(const Cell& cell, State state) const {
    return std::ranges::any_of(cell.needs, [&](std::size_t need) { return state_[need] == state; });
  }

  std::optional<Taken> take() {
    for (std::size_t index : chosen_) {
      const Cell& cell = cells_[index];
      if (state_[index] != State::kOpen) continue;
      for (State end : {State::kFailed, State::kInterrupted})
        if (any_need_is(cell, end)) state_[index] = end;
      if (state_[index] != State::kOpen) continue;
      if (!ready(cell)) continue;
      std::optional<Claim> claim = store_.claim(cell);
      if (!claim) {
        if (waited_.insert(index).second) observer_.waiting_for(cell);
        continue;
      }
      // Only now: the holder before may just have completed it.
      const CellStatus status = store_.status(cell);
      if (status.kind == CellStatus::Kind::kComplete) {
        state_[index] = State::kComplete;
        continue;
      }
      return Taken{index, std::move(*claim), status.begun};
    }
    return std::nullopt;
  }

  void attempt(const Taken& taken, std::unique_lock<std::mutex>& lock) {
    const Cell& cell = cells_[taken.index];
    state_[taken.index] = State::kRunning;
    observer_.started(cell);
    lock.unlock();
    const Clock::time_point start = Clock::now();
    AttemptResult result;
    std::exception_ptr error;
    double seconds = 0;
    try {
      io::write_file(store_.config_file(cell), cell_config(cell));
      result = run_({cell, store_.config_file(cell), store_.run_folder(cell), taken.resume});
      seconds = std::chrono::duration<double>(Clock::now() - start).count();
      const bool interrupted = result.exit_code == kExitInterrupted;
      store_.note_attempt(cell, seconds, interrupted ? 0 : result.exit_code, interrupted ? "" : result.failure);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && !error_) error_ = error;
    state_[taken.index] = error || result.exit_code == kExitInterrupted ? State::kInterrupted
                          : result.exit_code == 0                       ? State::kComplete
                                                                        : State::kFailed;
    observer_.ended(cell, result, seconds);
    changed_.notify_all();
  }

  const std::vector<Cell>& cells_;
  const std::vector<std::size_t>& chosen_;
  const CellStore& store_;
  const RunCell& run_;
  SchedulerObserver& observer_;
  const SchedulerOptions& options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<State> state_;
  std::set<std::size_t> waited_;
  std::exception_ptr error_;
};

}  // namespace

SchedulerResult run_cells(const std::vector<Cell>& cells, const std::vector<std::size_t>& chosen,
                          const CellStore& store, const RunCell& run, SchedulerObserver& observer,
                          const SchedulerOptions& options) {
  return Scheduler(cells, chosen, store, run, observer, options).run();
}

}  // namespace engram::apps
