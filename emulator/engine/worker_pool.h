#pragma once
/// Threads that run blocks in parallel; kept between launches.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace emu {

/// A team: the caller is member 0.
class WorkerPool {
 public:
  WorkerPool() = default;
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Calls body(member) for members 0 to count - 1, member 0 on the calling thread; returns when all are done.
  void run(int count, const std::function<void(int)>& body);

 private:
  void member_main(int member);

  std::mutex mutex_;
  std::condition_variable start_, end_;
  std::vector<std::thread> threads_;
  const std::function<void(int)>* body_ = nullptr;
  std::uint64_t round_ = 0;
  int members_ = 0, running_ = 0;
  bool closing_ = false;
};

}  // namespace emu
