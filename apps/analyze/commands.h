#pragma once
/// The commands of engram-analyze: programs of their own, called "engram-analyze NAME".

#include "apps/common/call.h"

namespace engram::apps {

int run_cka(Call& call);
int run_neurons(Call& call);
int run_loss_curve(Call& call);
int run_cam(Call& call);
int run_lrp(Call& call);
int run_attack(Call& call);
int run_flatness(Call& call);

}  // namespace engram::apps
