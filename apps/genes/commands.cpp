#include "apps/genes/commands.h"

#include "apps/common/command_set.h"
#include "apps/programs.h"

namespace engram::apps {

int run_genes(Call& call) {
  return run_command(call, "Finds the genes whose mutation changes what a treatment does, from censored survival data.",
                     {{"select", "finds and checks the genes of a cohort, and writes a report", run_select},
                      {"screen", "tests every gene of a cohort by itself", run_screen},
                      {"simulate", "writes a cohort whose answer is known", run_simulate},
                      {"calibrate", "measures how often the printed probabilities hold", run_calibrate},
                      {"evaluate", "compares methods on simulated cohorts or against an answer key", run_evaluate},
                      {"fit-cox", "fits one Cox model to chosen columns", run_fit_cox},
                      {"fit-aft", "fits one accelerated-failure-time model to chosen columns", run_fit_aft},
                      {"lasso", "fits an elastic-net Cox path with cross-validation", run_lasso}});
}

}  // namespace engram::apps
