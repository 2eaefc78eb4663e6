/// Times iterations of NaturalInversion; see bench/peers/README.md.

#include "bench/step/product_steps.h"
#include "bench/step/timing.h"

int main(int argc, char** argv) {
  engram::bench::StepOptions options;
  engram::bench::parse_step_options(argc, argv, "Times iterations of NaturalInversion on a random classifier.",
                                    options);
  engram::bench::InversionSteps step(options.arch, options.batch, options.device, options.graph);
  engram::bench::time_steps(options, [&] {
    step.run();
    engram::synchronize(options.device);
  });
}
