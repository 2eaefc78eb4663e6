#include "tests/support/backend_under_test.h"

#include <omp.h>

namespace engram {

const kernels::Backend& kernels::backend_under_test() {
  return cpu_backend();
}

void testing::set_schedule(int schedule) {
  static const int before = omp_get_max_threads();
  omp_set_num_threads(schedule < 0 ? before : schedule + 1);
}

}  // namespace engram
