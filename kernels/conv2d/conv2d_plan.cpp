#include "kernels/conv2d/conv2d_plan.h"

namespace engram::kernels {

std::unique_ptr<ConvPlan> make_conv_plan(const ConvPlanKey& key) {
  if (key.policy == ConvPolicy::kFast && winograd_pays(key.shape)) return make_winograd_plan(key);
  return make_library_plan(key);
}

}  // namespace engram::kernels
