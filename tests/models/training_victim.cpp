/// Runs a task of tests/support/training_tasks.h with a checkpoint after every step, so that a test can kill it at any
/// moment: training_victim KIND FOLDER PAUSE. Goes on where a checkpoint in the folder stands. After each step it
/// prints "step N" and sleeps for PAUSE milliseconds.

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#include "models/training/checkpoint.h"
#include "models/training/fit.h"
#include "tests/support/training_tasks.h"

namespace engram::testing {
namespace {

class PrintSteps : public FitObserver {
 public:
  explicit PrintSteps(int pause) : pause_(pause) {}
  void on_step(dim_t step, const MeterValues&) override {
    std::printf("step %lld\n", static_cast<long long>(step));
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_));
  }

 private:
  int pause_;
};

void run(const std::string& kind_name, const std::filesystem::path& folder, int pause) {
  const TaskKind& kind = task_kind(kind_name);
  const OwnedTask owned = kind.make({});
  FitOptions options = {
      .total_steps = kind.steps, .steps_per_epoch = 3, .checkpoint = folder / "checkpoint.safetensors"};
  options.checkpoint_steps = 1;
  options.fingerprint = kind_name;
  if (std::filesystem::exists(options.checkpoint))
    options.first_step = load_checkpoint(options.checkpoint, *owned.task, options.fingerprint, kind.steps);
  StepRunner runner(*owned.task);
  PrintSteps observer(pause);
  fit(*owned.task, runner, options, observer);
}

}  // namespace
}  // namespace engram::testing

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    engram::testing::run(argv[1], argv[2], std::stoi(argv[3]));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
