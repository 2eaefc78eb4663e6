#include "emulator/engine/worker_pool.h"

namespace emu {

WorkerPool::~WorkerPool() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  start_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void WorkerPool::run(int count, const std::function<void(int)>& body) {
  if (count <= 1) return body(0);
  {
    std::lock_guard lock(mutex_);
    while (int(threads_.size()) < count - 1) {
      threads_.emplace_back(&WorkerPool::member_main, this, int(threads_.size()) + 1);
    }
    body_ = &body;
    members_ = count;
    running_ = int(threads_.size());
    ++round_;
  }
  start_.notify_all();
  body(0);
  std::unique_lock lock(mutex_);
  end_.wait(lock, [this] { return running_ == 0; });
}

void WorkerPool::member_main(int member) {
  // Started by run(), which holds the lock until it has set the first round that this member serves.
  std::unique_lock lock(mutex_);
  for (std::uint64_t seen = round_ - 1;; seen = round_) {
    start_.wait(lock, [this, seen] { return closing_ || round_ != seen; });
    if (closing_) return;
    if (member < members_) {
      lock.unlock();
      (*body_)(member);
      lock.lock();
    }
    if (--running_ == 0) end_.notify_one();
  }
}

}  // namespace emu
