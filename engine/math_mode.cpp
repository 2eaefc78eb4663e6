#include "engine/math_mode.h"

#include <atomic>

#include "kernels/common/error.h"

namespace engram {
namespace {

std::atomic<kernels::MathMode> current{kernels::MathMode::kF32};

}  // namespace

void set_math_mode(kernels::MathMode mode) {
  current = mode;
}
kernels::MathMode math_mode() {
  return current;
}

kernels::MathMode parse_math_mode(const std::string& text) {
  if (text == "f32") return kernels::MathMode::kF32;
  if (text == "tf32") return kernels::MathMode::kTF32;
  if (text == "bf16") return kernels::MathMode::kBF16;
  throw UsageError(message("[math] expected f32, tf32 or bf16, got '", text, "'"));
}

}  // namespace engram
