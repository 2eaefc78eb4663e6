#include "kernels/common/parallel.h"

#include <pthread.h>

#include "kernels/common/error.h"

namespace engram::kernels {
namespace {

bool forked = false;

void begin_child() {
  forked = true;
  omp_set_num_threads(1);
}

[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, begin_child);

}  // namespace

void set_num_threads(int threads) {
  if (threads < 1) throw UsageError(message("[threads] expected at least 1, got ", threads));
  if (forked && threads > 1)
    throw UsageError(message("[threads] expected 1 in a child of fork(), got ", threads,
                             ": the threads of its parent do not exist in it; start a new process (exec) instead"));
  omp_set_num_threads(threads);
}

int num_threads() {
  return omp_get_max_threads();
}

bool in_forked_child() {
  return forked;
}

bool LoopError::is_over(dim_t index) const {
  const std::lock_guard lock(mutex_);
  return error_ && index_ < index;
}

void LoopError::keep(dim_t index, std::exception_ptr error) noexcept {
  const std::lock_guard lock(mutex_);
  if (error_ && index_ < index) return;
  error_ = std::move(error);
  index_ = index;
}

}  // namespace engram::kernels
