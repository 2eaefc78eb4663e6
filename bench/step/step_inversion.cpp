/// Times iterations of NaturalInversion; see bench/peers/README.md.

#include "bench/step/timing.h"
#include "bench/step/workloads.h"

int main(int argc, char** argv) {
  engram::bench::StepOptions options;
  engram::bench::parse_step_options(argc, argv, "Times iterations of NaturalInversion on a random classifier.",
                                    options);
  engram::bench::InversionStep step(options.arch, options.batch, options.device, options.graph);
  engram::bench::time_steps(options, [&] {
    step.run();
    engram::synchronize(options.device);
  });
}
