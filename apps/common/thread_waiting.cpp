#include "apps/common/thread_waiting.h"

#include <omp.h>
#include <unistd.h>

#include <cstdlib>

namespace engram::apps {

void bound_waiting(const char* const* argv) {
  constexpr const char *kVariable = "GOMP_SPINCOUNT", *kSpins = "1000";
  if (std::getenv(kVariable) != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr || omp_get_num_procs() < 2) return;
  if (setenv(kVariable, kSpins, 1) != 0) return;
  ::execv("/proc/self/exe", const_cast<char* const*>(argv));
}

}  // namespace engram::apps
