#pragma once
/// Loops over the OpenMP team that oneDNN uses too, and the number of threads in it.
///
/// The number of threads belongs to the calling thread: two threads may run loops at the same time, each with a team of
/// its own. A new thread begins with OMP_NUM_THREADS, or all processors.
///
/// After fork() a child has one thread for good: the teams of its parent's threads do not exist in it, and to wait for
/// them would never end.

#include <omp.h>

#include <algorithm>
#include <exception>
#include <mutex>

#include "kernels/common/types.h"

namespace engram::kernels {

/// Threads of the loops that the calling thread starts from now on. Throws UsageError for less than 1, and for more
/// than 1 in the child of a fork.
void set_num_threads(int threads);
/// What set_num_threads set on this thread, or its default.
int num_threads();
/// Whether this process is the child of a fork, so that its loops run on one thread.
bool in_forked_child();

/// Carries an exception out of a parallel region, which it must not leave by itself: that of the smallest index, so
/// that which one comes out does not depend on the threads.
class LoopError {
 public:
  /// Calls `body()`; keeps what it throws if that belongs to the smallest index so far.
  template <class Body>
  void guard(const dim_t& index, const Body& body) noexcept {
    try {
      body();
    } catch (...) {
      keep(index, std::current_exception());
    }
  }
  /// Whether an index smaller than this one has failed, so that this one need not run.
  bool is_over(dim_t index) const;
  /// Throws what was kept.
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void keep(dim_t index, std::exception_ptr error) noexcept;

  mutable std::mutex mutex_;
  std::exception_ptr error_;
  dim_t index_ = 0;
};

/// Calls `body(i)` for i in [0, count), each exactly once, on the OpenMP team, each thread a run of neighbours.
/// Work must be split by the problem only, never by the number of threads: then results do not depend on it.
/// `body` must not call oneDNN. When it throws, the exception of the smallest i that threw leaves the loop, as it would
/// from a serial one, and items behind it may not have run. `work_per_item` (elements touched by one call) keeps small
/// loops serial.
template <class Body>
void parallel_for(dim_t count, dim_t work_per_item, const Body& body) {
  constexpr dim_t kSerialBelow = 16384;
  if (count <= 1 || count * work_per_item < kSerialBelow || num_threads() == 1) {
    for (dim_t i = 0; i < count; ++i) body(i);
    return;
  }
  LoopError error;
#pragma omp parallel
  {
    const dim_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
    const dim_t begin = count / threads * thread + std::min(thread, count % threads);
    const dim_t end = begin + count / threads + (thread < count % threads ? 1 : 0);
    dim_t i = begin;
    error.guard(i, [&] {
      for (; i < end; ++i) body(i);
    });
  }
  error.rethrow();
}

/// As parallel_for, but each thread takes the next item when it is free: for items large enough that a disturbed core
/// would hold up the others. Calls `body(i, thread)`; `thread` is for scratch memory only.
template <class Body>
void parallel_items(dim_t count, const Body& body) {
  LoopError error;
#pragma omp parallel for schedule(dynamic)
  for (dim_t i = 0; i < count; ++i) {
    if (!error.is_over(i)) error.guard(i, [&] { body(i, omp_get_thread_num()); });
  }
  error.rethrow();
}

/// Splits [0, count) into chunks of `chunk` elements and calls `body(begin, end, chunk_index)` for each, in parallel.
template <class Body>
void parallel_chunks(dim_t count, dim_t chunk, const Body& body) {
  const dim_t num_chunks = (count + chunk - 1) / chunk;
  parallel_for(num_chunks, chunk, [&](dim_t i) { body(i * chunk, std::min(count, (i + 1) * chunk), i); });
}

}  // namespace engram::kernels
