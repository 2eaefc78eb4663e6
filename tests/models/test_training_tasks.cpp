/// What every kind of task must hold (tests/support/training_tasks.h): one state after so many steps, whether they were
/// issued or captured, interrupted or not, or killed.

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "emulator/runtime_control.h"
#include "engine/io/atomic_file.h"
#include "models/training/checkpoint.h"
#include "models/training/fit.h"
#include "tests/support/program.h"
#include "tests/support/sanitized.h"
#include "tests/support/temp_folder.h"
#include "tests/support/training_tasks.h"

namespace engram::testing {
namespace {

class TaskTest : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  const TaskKind& kind() const { return task_kind(std::get<0>(GetParam())); }
  Device device() const { return parse_device(std::get<1>(GetParam())); }

  /// The bytes of a checkpoint, in which the whole state lies.
  io::Bytes state_of(TrainingTask& task) const {
    save_checkpoint(folder_ / "state", task, 0, "");
    return io::read_file(folder_ / "state");
  }
  FitOptions options() const {
    return {.total_steps = kind().steps, .steps_per_epoch = 3, .checkpoint = folder_ / "checkpoint"};
  }
  test::TempFolder folder_;
};

/// Asks to stop after one step.
class StopAfter : public FitObserver {
 public:
  explicit StopAfter(dim_t step) : step_(step) {}
  void before_step(dim_t step) override { now_ = step; }
  bool stop_requested() override { return now_ == step_; }

 private:
  dim_t step_, now_ = -1;
};

/// On the emulated device.
class CapturedTask : public TaskTest {};

TEST_P(CapturedTask, CapturedStepsHaveTheBitsOfIssuedOnes) {
  const OwnedTask issued = kind().make(device()), captured = kind().make(device());
  StepRunner issues(*issued.task, false), captures(*captured.task);
  for (dim_t step = 0; step < kind().steps; ++step) {
    issues.run(step);
    captures.run(step);
  }
  EXPECT_GT(captures.num_graph_nodes(), 0u);
  EXPECT_EQ(issues.num_graph_nodes(), 0u);
  EXPECT_EQ(state_of(*captured.task), state_of(*issued.task));
}

TEST_P(TaskTest, AnInterruptedRunGoesOnWithTheSameBits) {
  const OwnedTask whole = kind().make(device());
  StepRunner runner(*whole.task);
  FitObserver nothing;
  EXPECT_FALSE(fit(*whole.task, runner, options(), nothing).interrupted);
  const io::Bytes expected = state_of(*whole.task);

  // In the middle of an epoch, before work is captured (not under sanitizers) and after.
  std::vector<dim_t> stops = {kind().steps / 2 / 3 * 3 + 1, 0};
  stops.resize(std::size_t(sample_size(2, 1)));
  for (const dim_t stop : stops) {
    FitOptions o = options();
    {
      const OwnedTask first = kind().make(device());
      StepRunner first_runner(*first.task);
      StopAfter observer(stop);
      const FitResult result = fit(*first.task, first_runner, o, observer);
      EXPECT_TRUE(result.interrupted);
      EXPECT_EQ(result.next_step, stop + 1);
    }
    const OwnedTask second = kind().make(device());
    o.first_step = load_checkpoint(o.checkpoint, *second.task, "", kind().steps);
    EXPECT_EQ(o.first_step, stop + 1);
    StepRunner second_runner(*second.task);
    fit(*second.task, second_runner, o, nothing);
    EXPECT_EQ(state_of(*second.task), expected) << "stopped after step " << stop;
  }
}

/// On the emulated device, whose runtime counts what the host waits for.
class HostWaits : public TaskTest {};

TEST_P(HostWaits, NoneIsInACapturedStep) {
  const OwnedTask owned = kind().make(device());
  StepRunner runner(*owned.task);
  dim_t step = 0;
  for (; step < kind().steps - 3; ++step) runner.run(step);
  owned.task->meters().collect(step - 1);
  const std::int64_t before = emu::runtime_stats().waits;
  for (; step < kind().steps; ++step) runner.run(step);
  EXPECT_EQ(emu::runtime_stats().waits - before, 0);
  EXPECT_FALSE(owned.task->meters().read(step - 1).empty());
}

/// All kinds, or those for the emulated device.
std::vector<std::string> kind_names(bool emulated = false) {
  std::vector<std::string> names;
  for (const TaskKind& kind : task_kinds())
    if (kind.emulated || !emulated) names.push_back(kind.name);
  return names;
}

/// Under sanitizers one with each kind of state, for what shows nothing of memory that the other tests do not.
std::vector<std::string> few_kind_names(bool emulated = false) {
  std::vector<std::string> names = kind_names(emulated);
  const std::set<std::string> few = {"supervised", "toy", "crd", "fast", "ood_erm"};
  if (kSanitized) std::erase_if(names, [&](const std::string& name) { return !few.contains(name); });
  return names;
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<std::string, std::string>>& info) {
  return std::get<0>(info.param) + "_" + std::get<1>(info.param);
}

INSTANTIATE_TEST_SUITE_P(Cpu, TaskTest, ::testing::Combine(::testing::ValuesIn(kind_names()), ::testing::Values("cpu")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Emu, TaskTest,
                         ::testing::Combine(::testing::ValuesIn(few_kind_names(true)), ::testing::Values("emu")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Emu, CapturedTask,
                         ::testing::Combine(::testing::ValuesIn(kind_names(true)), ::testing::Values("emu")), name_of);
INSTANTIATE_TEST_SUITE_P(Emu, HostWaits,
                         ::testing::Combine(::testing::ValuesIn(few_kind_names(true)), ::testing::Values("emu")),
                         name_of);

class KilledTask : public ::testing::TestWithParam<std::string> {};

TEST_P(KilledTask, GoesOnWithTheSameBits) {
  const test::TempFolder whole, killed;
  const auto run = [&](const test::TempFolder& folder, const char* pause) {
    return Program(TRAINING_VICTIM, {GetParam(), folder.path(), pause}, folder / "log");
  };
  ASSERT_EQ(run(whole, "0").wait(), 0) << text_of(whole / "log");

  const unsigned seed = unsigned(std::chrono::steady_clock::now().time_since_epoch().count());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const dim_t steps = task_kind(GetParam()).steps;
  int landed = 0;
  dim_t at = 0;
  for (int kill = 0; kill < 3; ++kill) {
    // After some step, and anywhere in it or in the writing of its checkpoint.
    at += 1 + dim_t(random() % unsigned(std::max<dim_t>(1, (steps - at) / 3)));
    if (at >= steps - 1) break;
    Program program = run(killed, "8");
    const std::string line = "step " + std::to_string(at) + "\n";
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (text_of(killed / "log").find(line) == std::string::npos && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 16000));
    program.signal(SIGKILL);
    const int code = program.wait();
    ASSERT_TRUE(code == 1000 + SIGKILL || code == 0) << code << text_of(killed / "log");
    landed += code != 0;
  }
  EXPECT_GE(landed, 1) << "no kill came before the end";
  ASSERT_EQ(run(killed, "0").wait(), 0) << text_of(killed / "log");
  EXPECT_EQ(io::read_file(killed / "checkpoint.safetensors"), io::read_file(whole / "checkpoint.safetensors"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, KilledTask, ::testing::ValuesIn(few_kind_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace engram::testing
