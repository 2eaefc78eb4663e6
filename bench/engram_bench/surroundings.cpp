#include "bench/engram_bench/surroundings.h"

#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <sstream>
#include <vector>

#include "apps/common/processor.h"
#include "bench/engram_bench/build_commit.h"
#include "kernels/backend_info.h"
#include "kernels/common/error.h"

namespace engram::bench {
namespace {

#ifdef __clang__
constexpr const char* kCompiler = "Clang";
#else
constexpr const char* kCompiler = "GCC";
#endif

/// Seconds of all processors: not idle, and in all; both 0 where the system does not say.
void machine_seconds(double& busy, double& total) {
  busy = total = 0;
  std::ifstream in("/proc/stat");
  std::string line, name;
  std::getline(in, line);
  std::istringstream fields(line);
  fields >> name;
  constexpr int kIdle = 3, kWaiting = 4, kGuest = 8;  // guests are in the users' time already
  const double tick = 1.0 / double(sysconf(_SC_CLK_TCK));
  double value;
  for (int i = 0; i < kGuest && fields >> value; ++i) {
    total += tick * value;
    if (i != kIdle && i != kWaiting) busy += tick * value;
  }
}

}  // namespace

Machine this_machine(const std::string& device) {
  const kernels::BackendInfo info = kernels::cpu_backend_info();
  return {apps::processor(), device, info.kernel_isa, info.library + " " + info.library_isa, omp_get_num_procs()};
}

Build this_build() {
  return {message(kCompiler, " ", __VERSION__), ENGRAM_BUILD_TYPE, ENGRAM_BUILD_FLAGS, kBuildCommit};
}

std::string utc_now() {
  char text[32];
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

bool pin_threads() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
  std::vector<int> processors;
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &allowed)) processors.push_back(i);
  if (omp_get_max_threads() > int(processors.size())) return false;
  std::atomic<bool> pinned = true;
#pragma omp parallel
  {
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(processors[std::size_t(omp_get_thread_num())], &own);
    if (sched_setaffinity(0, sizeof own, &own) != 0) pinned = false;
  }
  return pinned;
}

double clock_seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

QuietWatch::QuietWatch() {
  machine_seconds(start_busy_, start_total_);
  start_own_ = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

void QuietWatch::begin() {
  begin_cpu_ = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
  begin_wall_ = clock_seconds(CLOCK_MONOTONIC);
}

void QuietWatch::end() {
  wall_ += clock_seconds(CLOCK_MONOTONIC) - begin_wall_;
  cpu_ += clock_seconds(CLOCK_THREAD_CPUTIME_ID) - begin_cpu_;
}

double QuietWatch::lost_share() const {
  return wall_ > 0 ? std::clamp(1 - cpu_ / wall_, 0.0, 1.0) : 0;
}

double QuietWatch::others_share() const {
  double busy, total;
  machine_seconds(busy, total);
  const double own = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - start_own_;
  if (total <= start_total_) return 0;
  return std::clamp((busy - start_busy_ - own) / (total - start_total_), 0.0, 1.0);
}

}  // namespace engram::bench
