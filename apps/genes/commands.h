#pragma once
/// The commands of engram-genes: programs of their own, called "engram-genes NAME".

#include "apps/common/call.h"

namespace engram::apps {

int run_screen(Call& call);
int run_select(Call& call);
int run_simulate(Call& call);
int run_calibrate(Call& call);
int run_evaluate(Call& call);
int run_fit_cox(Call& call);
int run_fit_aft(Call& call);
int run_lasso(Call& call);

}  // namespace engram::apps
