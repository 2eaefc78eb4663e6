#include "tests/support/backend_under_test.h"

#include <gtest/gtest.h>

#include "emulator/emulator.h"
#include "tests/kernels/emu/staged_families.h"

namespace engram {
namespace {

/// A test fails with what the emulator found during it.
class ReportListener : public ::testing::EmptyTestEventListener {
  void OnTestEnd(const ::testing::TestInfo&) override {
    const auto reports = emu::take_reports();
    if (!reports.empty()) ADD_FAILURE() << emu::describe(reports);
  }
};

const bool listening = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new ReportListener);
  return true;
}();

}  // namespace

const kernels::Backend& kernels::backend_under_test() {
  // Convolution and matrix products have no hand-written kernels.
  static const Backend backend = {
      .name = "emu",
      .batch_norm = testing::kStagedBatchNorm,
      .bn_stats_match = testing::kStagedBnStatsMatch,
      .channel_scale = testing::kStagedChannelScale,
      .conv2d = kCpuConv2d,
      .elementwise = testing::kStagedElementwise,
      .grad_cosine = testing::kStagedGradCosine,
      .image_prior = testing::kStagedImagePrior,
      .matmul = kCpuMatmul,
      .optim_step = testing::kStagedOptimStep,
      .pool = testing::kStagedPool,
      .random = testing::kStagedRandom,
      .reduce = testing::kStagedReduce,
      .reorder = testing::kStagedReorder,
      .resample = testing::kStagedResample,
      .softmax_xent = testing::kStagedSoftmaxXent,
      .spatial = testing::kStagedSpatial,
      .strided_copy = testing::kStagedStridedCopy,
      .survival_screen = testing::kStagedSurvivalScreen,
  };
  return backend;
}

void testing::set_schedule(int schedule) {
  static const emu::Order before = emu::options().order;
  constexpr emu::Order kOrders[] = {emu::Order::kForward, emu::Order::kReverse, emu::Order::kRandom};
  emu::options().order = schedule < 0 ? before : kOrders[schedule];
}

}  // namespace engram
