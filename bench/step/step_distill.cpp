/// Times steps of engram-distill with its defaults, in the main stage: a frozen teacher, a student, reflected crops and
/// flips of random images. See bench/peers/README.md.

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/step/random_images.h"
#include "bench/step/timing.h"
#include "kernels/common/parallel.h"
#include "models/methods/distillation/student_task.h"
#include "models/nets/make_network.h"
#include "models/training/step_runner.h"

namespace engram::bench {
namespace {

struct DistillOptions : StepOptions {
  std::string arch = "resnet20", teacher = "resnet56", method = "kd";
  dim_t batch = 128, images = 50000;  ///< images: of the set, whose size memory banks follow
};

StudentOptions student_options(const DistillOptions& of) {
  StudentOptions options;
  options.method = of.method;
  options.optimizer.weight_decay = 5e-4f;
  options.schedule.base_lr = 0.01;
  options.batches = {.batch_size = of.batch, .augment = standard_augmentation()};
  options.batches.augment.pad_mode = PadMode::kReflect;
  options.epochs = 1 << 20;
  options.initial_epochs = 1;  // of which no step is run
  return options;
}

void time_distillation(const DistillOptions& of) {
  const std::unique_ptr<Network> student = make_network(of.arch, 10, {.seed = 1}),
                                 teacher = make_network(of.teacher, 10, {.seed = 2});
  const std::unique_ptr<StudentTask> task =
      make_student_task(*student, {teacher.get()}, random_images(of.images), student_options(of));
  StepRunner runner(*task);
  dim_t step = task->steps_per_epoch();
  const StepTimes steps = measure_steps(of, [&] { runner.run(step++); });
  const nlohmann::json line = {
      {"seconds_per_step", steps.wall}, {"cpu_seconds_per_step", steps.cpu}, {"peak_rss_bytes", steps.peak_rss_bytes}};
  std::cout << line.dump() << "\n";
}

}  // namespace
}  // namespace engram::bench

int main(int argc, char** argv) {
  engram::bench::DistillOptions options;
  CLI::App app("Times steps of distillation on random images.");
  app.add_option("--arch", options.arch, "the student")->capture_default_str();
  app.add_option("--teacher", options.teacher, "the teacher")->capture_default_str();
  app.add_option("--method", options.method, "as engram-distill takes it")->capture_default_str();
  app.add_option("--batch", options.batch, "images a step")->check(CLI::Range(2, 4096))->capture_default_str();
  app.add_option("--images", options.images, "images of the set")->check(CLI::Range(2, 50000))->capture_default_str();
  engram::bench::add_timing_options(app, options);
  CLI11_PARSE(app, argc, argv);
  engram::kernels::set_num_threads(options.threads);
  engram::bench::time_distillation(options);
}
