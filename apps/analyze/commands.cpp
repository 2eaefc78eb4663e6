#include "apps/analyze/commands.h"

#include "apps/common/command_set.h"
#include "apps/programs.h"

namespace engram::apps {

int run_analyze(Call& call) {
  return run_command(call, "Shows what networks have learnt and where they look: a picture, and its numbers as CSV.",
                     {{"cka", "how alike the layers of two networks are", run_cka},
                      {"neurons", "how many channels and directions a network uses", run_neurons},
                      {"loss-curve", "losses of several runs over their epochs", run_loss_curve},
                      {"cam", "where the last map speaks for a class (Grad-CAM)", run_cam},
                      {"lrp", "which pixels an answer rests on (relevance propagation)", run_lrp},
                      {"attack", "moves pixels until a network looks elsewhere", run_attack},
                      {"flatness", "how the loss rises when weights are disturbed", run_flatness}});
}

}  // namespace engram::apps
