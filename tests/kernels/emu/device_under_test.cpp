#include "tests/kernels/staged/device_under_test.h"

#include "kernels/conv2d/conv2d.h"
#include "kernels/matmul/matmul.h"
#include "kernels/plugin/cuda/cuda_backend.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/emulator_reports.h"

namespace engram::testing {
namespace {

const bool failing_on_reports = fail_on_reports();

void* allocate(std::size_t bytes) {
  return emu::allocate(bytes);
}

}  // namespace

const cases::CaseDevice& device_under_test() {
  static const kernels::Backend kernels = kernels::cuda::backend_with("emu", kernels::kCpuConv2d, kernels::kCpuMatmul);
  static const cases::CaseDevice device = {kernels, allocate, emu::release, emu::copy, emu::copy};
  return device;
}

void set_schedule(int schedule) {
  static const emu::Order before = emu::options().order;
  constexpr emu::Order kOrders[] = {emu::Order::kForward, emu::Order::kReverse, emu::Order::kRandom};
  emu::options().order = schedule < 0 ? before : kOrders[schedule];
}

}  // namespace engram::testing
