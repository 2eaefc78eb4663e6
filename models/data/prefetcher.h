#pragma once
/// A background thread that keeps a few items ready.

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace engram {

/// Calls `produce` on one thread of its own, in order, at most `depth` items ahead of the consumer. The items that
/// next() hands out are those of plain repeated calls of `produce`, in that order. depth 0 uses no thread.
///
/// `produce(item)` fills an item and returns true, or returns false at the end. What it throws arrives at the consumer
/// in its place in the order, from next(). One consumer thread. The destructor waits for a call in progress only.
template <class Item>
class Prefetcher {
 public:
  Prefetcher(std::function<bool(Item&)> produce, int depth) : produce_(std::move(produce)), depth_(depth) {
    if (depth_ > 0) thread_ = std::thread([this] { run(); });
  }

  ~Prefetcher() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// Puts the next item into `item` and keeps the old value's storage for reuse. False at the end, then always.
  bool next(Item& item) {
    if (depth_ == 0) return produce_(item);
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty() || finished_; });
    if (ready_.empty()) {
      if (error_) std::rethrow_exception(error_);
      return false;
    }
    std::swap(item, ready_.front());
    spare_.push_back(std::move(ready_.front()));
    ready_.pop_front();
    lock.unlock();
    changed_.notify_all();
    return true;
  }

 private:
  void run() {
    std::exception_ptr error;
    try {
      while (produce_one()) {
      }
    } catch (...) {
      error = std::current_exception();
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      error_ = error;
      finished_ = true;
    }
    changed_.notify_all();
  }

  bool produce_one() {
    Item item;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || static_cast<int>(ready_.size()) < depth_; });
      if (stop_) return false;
      if (!spare_.empty()) {
        item = std::move(spare_.back());
        spare_.pop_back();
      }
    }
    if (!produce_(item)) return false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ready_.push_back(std::move(item));
    }
    changed_.notify_all();
    return true;
  }

  const std::function<bool(Item&)> produce_;
  const int depth_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> ready_;   // guarded by mutex_, as all below
  std::vector<Item> spare_;  // used items whose storage the producer takes over
  std::exception_ptr error_;
  bool finished_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace engram
