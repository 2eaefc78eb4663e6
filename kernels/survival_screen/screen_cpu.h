#pragma once
/// The CPU kernels of the survival screens, one source each.

#include "kernels/survival_screen/survival_screen.h"

namespace engram::kernels {

void score_screen_cpu(Stream, const ScoreScreenArgs&);
void cell_screen_cpu(Stream, const CellScreenArgs&);
void full_screen_cpu(Stream, const FullScreenArgs&);
dim_t cell_screen_workspace_cpu(const RiskSetView& risk, dim_t genes);
dim_t full_screen_workspace_cpu(const RiskSetView& risk, dim_t coefficients);

}  // namespace engram::kernels
