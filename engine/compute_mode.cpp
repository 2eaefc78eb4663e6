#include "engine/compute_mode.h"

#include "kernels/common/error.h"

namespace engram {
namespace {

thread_local ComputeMode current;

}  // namespace

ComputeMode compute_mode() {
  return current;
}
void set_compute_mode(ComputeMode mode) {
  current = mode;
}

ComputeModeGuard::ComputeModeGuard(ComputeMode mode) : before_(current) {
  current = mode;
}
ComputeModeGuard::~ComputeModeGuard() {
  current = before_;
}

void set_conv_policy(kernels::ConvPolicy policy) {
  current.policy = policy;
}
void set_math_mode(kernels::MathMode mode) {
  current.math = mode;
}

kernels::MathMode parse_math_mode(const std::string& text) {
  if (text == "f32") return kernels::MathMode::kF32;
  if (text == "tf32") return kernels::MathMode::kTF32;
  if (text == "bf16") return kernels::MathMode::kBF16;
  throw UsageError(message("[math] expected f32, tf32 or bf16, got '", text, "'"));
}

}  // namespace engram
