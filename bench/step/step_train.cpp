/// Times training steps; see bench/peers/README.md.

#include "bench/step/timing.h"
#include "bench/step/workloads.h"

int main(int argc, char** argv) {
  engram::bench::StepOptions options;
  options.batch = 128;
  engram::bench::parse_step_options(argc, argv, "Times training steps on random data.", options);
  engram::bench::TrainingStep step(options.arch, options.batch, options.device, options.graph);
  engram::bench::time_steps(options, [&] {
    step.run();
    engram::synchronize(options.device);
  });
}
