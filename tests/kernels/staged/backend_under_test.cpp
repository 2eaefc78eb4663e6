#include "tests/support/backend_under_test.h"

#include "kernel_cases/staged.h"
#include "tests/kernels/staged/device_under_test.h"

namespace engram::kernels {

const Backend& backend_under_test() {
  cases::stage_on(testing::device_under_test());
  return cases::staged_backend();
}

}  // namespace engram::kernels
