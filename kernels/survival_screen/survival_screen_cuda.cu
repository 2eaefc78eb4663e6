#include "kernels/survival_screen/screen_cuda.h"

namespace engram::kernels {
namespace {

/// The full screen keeps everything in shared memory.
dim_t no_workspace(const RiskSetView&, dim_t) {
  return 0;
}

}  // namespace

const SurvivalScreenKernels kCudaSurvivalScreen = {score_screen_cuda, cell_screen_cuda, full_screen_cuda,
                                                   cell_screen_workspace_cuda, no_workspace};

}  // namespace engram::kernels
