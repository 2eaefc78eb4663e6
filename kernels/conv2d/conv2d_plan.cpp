#include "kernels/conv2d/conv2d_plan.h"

namespace engram::kernels {
namespace {

/// Whether the library has Winograd kernels for this processor.
bool library_has_winograd() {
  constexpr dim_t kBlock = kCpuChannelBlock;
  static const bool found = make_library_plan({.shape = {1, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1, 1, kBlock, kBlock}},
                                              LibraryMethod::kWinograd) != nullptr;
  return found;
}

}  // namespace

std::unique_ptr<ConvPlan> make_conv_plan(const ConvPlanKey& key) {
  if (key.policy == ConvPolicy::kFast) {
    if (!library_has_winograd()) {
      if (winograd_pays(key.shape)) return make_winograd_plan(key);
    } else if (uses_winograd(key.shape)) {
      if (auto plan = make_library_plan(key, LibraryMethod::kWinograd)) return plan;
    }
  }
  return make_library_plan(key, LibraryMethod::kDirect);
}

}  // namespace engram::kernels
