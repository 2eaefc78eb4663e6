/// Schedules against closed forms and against PyTorch's values.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/common/error.h"
#include "models/schedule.h"
#include "tests/support/expect_error.h"

namespace engram {
namespace {

void expect_rates(const ScheduleOptions& options, const std::vector<double>& expected) {
  check_schedule(options);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(learning_rate(options, static_cast<dim_t>(i)), expected[i], 1e-12) << "step " << i;
  }
}

TEST(Schedule, Constant) {
  ScheduleOptions options;
  options.base_lr = 0.3;
  expect_rates(options, {0.3, 0.3, 0.3});
  EXPECT_EQ(scheduled_momentum(options, 5, 0.9), 0.9);
}

TEST(Schedule, StepAndMultiStepMultiplyFromTheStepNamed) {
  ScheduleOptions options;
  options.kind = ScheduleKind::kStep;
  options.base_lr = 1;
  options.step_size = 2;
  options.gamma = 0.5;
  expect_rates(options, {1, 1, 0.5, 0.5, 0.25, 0.25, 0.125});
  options.kind = ScheduleKind::kMultiStep;
  options.milestones = {2, 3, 6};
  expect_rates(options, {1, 1, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125});
}

TEST(Schedule, CosineMeetsPyTorch) {
  ScheduleOptions options;
  options.kind = ScheduleKind::kCosine;
  options.base_lr = 0.1;
  options.final_lr = 0.01;
  options.total_steps = 8;
  // torch.optim.lr_scheduler.CosineAnnealingLR(T_max=8, eta_min=0.01), PyTorch 1.13.1.
  expect_rates(options, {0.1, 0.0965745789630079, 0.08681980515339463, 0.07222075445642905, 0.055, 0.03777924554357096,
                         0.023180194846605363, 0.013425421036992097, 0.01, 0.01});
}

TEST(Schedule, WarmUpRisesLinearlyAndTheRestFollows) {
  ScheduleOptions options;
  options.kind = ScheduleKind::kCosine;
  options.base_lr = 2;
  options.total_steps = 8;
  options.warmup_steps = 4;
  expect_rates(options, {0, 0.5, 1, 1.5, 2, 1 + std::cos(M_PI / 4), 1, 1 - std::cos(M_PI / 4), 0});
  options.warmup_start = 0.5;
  expect_rates(options, {1, 1.25, 1.5, 1.75, 2});
  options.kind = ScheduleKind::kMultiStep;
  options.milestones = {5};
  expect_rates(options, {1, 1.25, 1.5, 1.75, 2, 0.2});
}

// The numbers of torch.optim.lr_scheduler.OneCycleLR, PyTorch 1.13.1.
TEST(Schedule, OneCycleMeetsPyTorch) {
  ScheduleOptions options;
  options.kind = ScheduleKind::kOneCycle;
  options.base_lr = 0.4;
  options.total_steps = 10;
  expect_rates(options, {0.016, 0.208, 0.4, 0.38019385280538953, 0.3246982615799052, 0.24450480877451572,
                         0.1554967912254843, 0.0753033384200948, 0.019807747194610516, 1.6e-06, 1.6e-06});
  options.anneal = Anneal::kLinear;
  expect_rates(options, {0.016, 0.208, 0.4, 0.3428573714285714, 0.2857147428571429, 0.2285721142857143,
                         0.17142948571428573, 0.11428685714285713, 0.05714422857142859, 1.6e-06});
  options.base_lr = 1;
  options.total_steps = 7;
  options.rise_fraction = 0.5;
  options.start_divisor = 10;
  options.final_divisor = 100;
  expect_rates(options, {0.1, 0.46, 0.82, 0.8572857142857143, 0.5718571428571428, 0.28642857142857137, 0.001});
  options.anneal = Anneal::kCosine;
  options.rise_fraction = 0.45;
  expect_rates(options, {0.1, 0.5007829562299564, 0.9892341449001671, 0.8845907874070114, 0.5310502495805105,
                         0.15827171337356186, 0.001});
}

TEST(Schedule, OneCycleMomentumMeetsPyTorch) {
  ScheduleOptions options;
  options.kind = ScheduleKind::kOneCycle;
  options.total_steps = 10;
  EXPECT_EQ(scheduled_momentum(options, 3, 0.9), 0.9) << "only when asked for";
  options.cycle_momentum = true;
  const std::vector<double> expected = {0.95,
                                        0.9,
                                        0.85,
                                        0.854951556604879,
                                        0.8688255099070633,
                                        0.8888739533021842,
                                        0.9111260466978157,
                                        0.9311744900929366,
                                        0.945048443395121,
                                        0.95};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(scheduled_momentum(options, static_cast<dim_t>(i), 0.9), expected[i], 1e-12) << "step " << i;
  }
}

TEST(Schedule, OneCycleWithoutARiseOrAFall) {
  ScheduleOptions options;
  options.kind = ScheduleKind::kOneCycle;
  options.base_lr = 1;
  options.total_steps = 5;
  options.rise_fraction = 1;
  expect_rates(options, {0.04, 0.1805887450304573, 0.52, 0.8594112549695427, 1.0});
  options.rise_fraction = 0;
  expect_rates(options, {0.904508879153485, 0.654509879153485, 0.3454941208465151, 0.09549512084651508, 4e-06});
  options.rise_fraction = 0.2;  // the peak is step 0; PyTorch divides by zero here
  expect_rates(options, {1.0});
  options.total_steps = 1;
  expect_rates(options, {1.0, 1.0});
}

TEST(Schedule, SettingsThatMakeNoSenseAreRefused) {
  const auto refused = [](auto change, const char* words) {
    ScheduleOptions options;
    options.total_steps = 100;
    change(options);
    EXPECT_ERROR(check_schedule(options), UsageError, words);
  };
  refused([](auto& o) { o.base_lr = -0.1; }, "learning rate");
  refused([](auto& o) { o.base_lr = std::nan(""); }, "learning rate");
  refused([](auto& o) { o.kind = ScheduleKind::kStep; }, "step size");
  refused([](auto& o) { o.kind = ScheduleKind::kMultiStep, o.milestones = {5, 5}; }, "ascending milestones");
  refused([](auto& o) { o.kind = ScheduleKind::kCosine, o.total_steps = 0; }, "length");
  refused([](auto& o) { o.kind = ScheduleKind::kCosine, o.warmup_steps = 100; }, "warm-up shorter");
  refused([](auto& o) { o.kind = ScheduleKind::kOneCycle, o.warmup_steps = 1; }, "no warm-up");
  refused([](auto& o) { o.kind = ScheduleKind::kOneCycle, o.rise_fraction = 1.5; }, "rise fraction");
  refused([](auto& o) { o.kind = ScheduleKind::kOneCycle, o.final_divisor = 0; }, "final divisor");
  EXPECT_EQ(parse_schedule("one-cycle"), ScheduleKind::kOneCycle);
  EXPECT_ERROR(parse_schedule("cosin"), UsageError, "got 'cosin'");
}

}  // namespace
}  // namespace engram
