/// Times training steps; see bench/peers/README.md.

#include "bench/step/product_steps.h"
#include "bench/step/timing.h"

int main(int argc, char** argv) {
  engram::bench::StepOptions options;
  options.batch = 128;
  engram::bench::parse_step_options(argc, argv, "Times training steps on random data.", options);
  engram::bench::TrainingSteps step(options.arch, options.batch, options.device, options.graph);
  engram::bench::time_steps(options, [&] {
    step.run();
    engram::synchronize(options.device);
  });
}
