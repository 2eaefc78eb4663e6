#pragma once
/// The CUDA kernels of the survival screens, one source each.

#include "kernels/survival_screen/survival_screen.h"

namespace engram::kernels {

void score_screen_cuda(Stream, const ScoreScreenArgs&);
void cell_screen_cuda(Stream, const CellScreenArgs&);
void full_screen_cuda(Stream, const FullScreenArgs&);
dim_t cell_screen_workspace_cuda(const RiskSetView& risk, dim_t genes);

}  // namespace engram::kernels
