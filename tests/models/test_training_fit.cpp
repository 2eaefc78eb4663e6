/// The loop: what is reported, what epochs' means cover, when checkpoints are written, and values that are not finite.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/io/atomic_file.h"
#include "models/training/checkpoint.h"
#include "models/training/fit.h"
#include "models/training/staged.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

/// Records given numbers.
class Numbers : public TrainingTask {
 public:
  Numbers(std::vector<float> numbers, const Device& device)
      : numbers_(std::move(numbers)), device_(device), value_(Tensor::zeros({}, device)) {
    meters_ = Meters({{"number"}, {"half", 0.5}}, device);
  }
  Device device() const override { return device_; }
  void stage(dim_t step) override { stage_values(value_, std::vector<float>{numbers_.at(std::size_t(step))}); }
  void issue() override { meters_.record({value_, value_}); }

 protected:
  void visit_parts(StateVisitor& visitor) override { visitor.visit("value", value_); }

 private:
  std::vector<float> numbers_;
  Device device_;
  Tensor value_;
};

/// Notes all calls.
class Notes : public FitObserver {
 public:
  explicit Notes(dim_t stop_after = -1) : stop_after_(stop_after) {}
  void before_step(dim_t step) override { now_ = step; }
  void on_report(dim_t step, const MeterValues& values) override {
    reported.push_back(step);
    numbers.push_back(values.at(0).value);
  }
  void on_epoch(dim_t epoch, dim_t, const MeterValues& values) override {
    EXPECT_EQ(epoch, dim_t(means.size()) + first_epoch);
    means.push_back(values.at(0).value);
    halves.push_back(values.at(1).value);
  }
  bool stop_requested() override { return now_ == stop_after_; }

  std::vector<dim_t> reported;
  std::vector<double> numbers, means, halves;
  dim_t first_epoch = 0;

 private:
  dim_t stop_after_, now_ = -1;
};

class FitTest : public ::testing::TestWithParam<const char*> {
 protected:
  Device device_ = parse_device(GetParam());
  test::TempFolder folder_;
  FitOptions options() const {
    return {.total_steps = 6, .steps_per_epoch = 3, .reports = 1, .checkpoint = folder_ / "checkpoint"};
  }
};

TEST_P(FitTest, EpochsHaveTheMeansOfTheirSteps) {
  Numbers task({1, 2, 6, 4, 4, 1}, device_);
  StepRunner runner(task);
  Notes notes;
  const FitResult result = fit(task, runner, options(), notes);
  EXPECT_FALSE(result.interrupted);
  EXPECT_EQ(result.next_step, 6);
  EXPECT_EQ(notes.reported, (std::vector<dim_t>{0, 2, 3, 5}));
  EXPECT_EQ(notes.numbers, (std::vector<double>{1, 6, 4, 1}));
  EXPECT_EQ(notes.means, (std::vector<double>{3, 3}));
  EXPECT_EQ(notes.halves, (std::vector<double>{1.5, 1.5}));
}

TEST_P(FitTest, AResumedEpochCountsTheStepsBeforeTheStopToo) {
  const std::vector<float> numbers = {1, 2, 6, 4, 4, 1};
  FitOptions o = options();
  for (const dim_t stop : {0, 1, 3, 4}) {
    {
      Numbers task(numbers, device_);
      StepRunner runner(task);
      Notes notes(stop);
      EXPECT_TRUE(fit(task, runner, options(), notes).interrupted);
    }
    Numbers task(numbers, device_);
    o.first_step = load_checkpoint(o.checkpoint, task, "", 6);
    StepRunner runner(task);
    Notes notes;
    notes.first_epoch = stop / 3;
    fit(task, runner, o, notes);
    EXPECT_EQ(notes.means, std::vector<double>(stop < 3 ? 2 : 1, 3.0)) << "stopped after " << stop;
  }
}

TEST_P(FitTest, AValueThatIsNotFiniteEndsTheRunAndKeepsTheOldCheckpoint) {
  for (const float bad : {std::nanf(""), INFINITY}) {
    for (const std::size_t at : {std::size_t(4), std::size_t(5)}) {  // the last step too
      std::vector<float> numbers = {1, 2, 6, 4, 4, 1};
      numbers[at] = bad;
      Numbers task(numbers, device_);
      StepRunner runner(task);
      Notes notes;
      EXPECT_ERROR(fit(task, runner, options(), notes), DataError, "expected a finite number");
      EXPECT_EQ(notes.means.size(), 1u);
      Numbers other(numbers, device_);
      EXPECT_EQ(load_checkpoint(folder_ / "checkpoint", other, "", 6), 3);
    }
  }
}

TEST_P(FitTest, CheckpointsAreWrittenWhenTheyAreDue) {
  const auto written = [&](FitOptions o) {
    class Look : public FitObserver {
     public:
      explicit Look(std::filesystem::path file) : file_(std::move(file)) {}
      void before_step(dim_t step) override { look(step); }
      void look(dim_t step) {
        if (std::filesystem::remove(file_)) after.push_back(step);
      }
      std::vector<dim_t> after;

     private:
      std::filesystem::path file_;
    } look(o.checkpoint);
    Numbers task({1, 2, 6, 4, 4, 1}, device_);
    StepRunner runner(task);
    fit(task, runner, o, look);
    look.look(6);
    return look.after;
  };
  FitOptions o = options();
  EXPECT_EQ(written(o), (std::vector<dim_t>{3, 6}));
  o.checkpoint_steps = 4;
  EXPECT_EQ(written(o), (std::vector<dim_t>{4, 6}));
  o.checkpoint_at_end = false;
  EXPECT_EQ(written(o), (std::vector<dim_t>{4}));
}

INSTANTIATE_TEST_SUITE_P(Devices, FitTest, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return std::string(info.param); });

TEST(FitReports, AreAboutAHundredWithBothEndsOfEveryEpoch) {
  for (const dim_t epochs : {1, 3, 30}) {
    for (const dim_t per_epoch : {1, 7, 390}) {
      const FitOptions o = {.total_steps = epochs * per_epoch, .steps_per_epoch = per_epoch};
      dim_t count = 0;
      for (dim_t step = 0; step < o.total_steps; ++step) {
        const bool reported = is_reported(o, step);
        count += reported;
        const bool at_an_end = step % per_epoch == 0 || (step + 1) % per_epoch == 0;
        EXPECT_TRUE(reported || !at_an_end) << step;
      }
      EXPECT_GE(count, std::min<dim_t>(o.total_steps, 100));
      EXPECT_LE(count, 200 + 2 * epochs);
    }
  }
}

TEST(FitOptionsTest, SenselessLengthsAreRefused) {
  Numbers task({1}, {});
  StepRunner runner(task);
  FitObserver nothing;
  EXPECT_ERROR(fit(task, runner, {.total_steps = 0, .steps_per_epoch = 1}, nothing), UsageError, "whole epochs");
  EXPECT_ERROR(fit(task, runner, {.total_steps = 7, .steps_per_epoch = 2}, nothing), UsageError, "whole epochs");
  EXPECT_ERROR(fit(task, runner, {.total_steps = 4, .steps_per_epoch = 2, .first_step = 5}, nothing), UsageError,
               "first step");
}

TEST(FitOptionsTest, AFinishedRunRunsNothing) {
  Numbers task({}, {});
  StepRunner runner(task);
  Notes notes;
  const FitResult result = fit(task, runner, {.total_steps = 4, .steps_per_epoch = 2, .first_step = 4}, notes);
  EXPECT_FALSE(result.interrupted);
  EXPECT_TRUE(notes.reported.empty());
}

}  // namespace
}  // namespace engram
