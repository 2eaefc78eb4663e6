#pragma once
/// The programs as functions, for executables and for whoever runs several in one process (run_program). Each reads the
/// call's words, and returns its exit code or throws.

#include "apps/common/call.h"

namespace engram::apps {

int run_train(Call& call);
int run_distill(Call& call);
int run_invert(Call& call);
int run_eval(Call& call);
int run_inspect(Call& call);
int run_genes(Call& call);
int run_ood(Call& call);
int run_reproduce(Call& call);
int run_score(Call& call);
int run_prune(Call& call);
int run_analyze(Call& call);

}  // namespace engram::apps
