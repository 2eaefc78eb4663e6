#include "models/genes/parallel_runs.h"

#include <exception>
#include <mutex>
#include <vector>

#include "kernels/common/parallel.h"

namespace engram::genes {
namespace {

constexpr dim_t kWorkOfRun = 1 << 20;  // a run is worth a thread

}  // namespace

void parallel_runs(int count, const std::function<void(int)>& run, const std::function<void(int done)>& progress,
                   const std::function<bool()>& stop) {
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(count));
  std::mutex reporting;
  int done = 0;
  kernels::parallel_for(count, kWorkOfRun, [&](dim_t i) {
    if (stop && stop()) return;
    try {
      run(int(i));
    } catch (...) {
      errors[std::size_t(i)] = std::current_exception();
    }
    const std::lock_guard lock(reporting);
    ++done;
    if (progress) progress(done);
  });
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace engram::genes
