/// What the streaming kernels ask of the memory system, counted on the emulator at the shapes of CIFAR networks (small
/// batches): bytes beside the declared cost, sectors, bank conflicts.

#include <gtest/gtest.h>

#include <cstdlib>

#include "emulator/counters.h"
#include "emulator/emulator.h"
#include "kernel_cases/kernel_case.h"
#include "kernels/common/error.h"
#include "tests/kernels/staged/device_under_test.h"
#include "tests/support/survival_screen_samples.h"

namespace engram::kernels {
namespace {

using cases::KernelCase;

/// The launches of one call.
std::vector<emu::LaunchCounts> counts_of(const KernelCase& one) {
  cases::DeviceArrays arrays(testing::device_under_test());
  const cases::PreparedCall call = one.prepare(arrays);
  emu::take_counts();
  emu::options().count = true;
  call();
  emu::options().count = false;
  return emu::take_counts();
}

/// Checks all launches of a call together.
void expect_streaming(const KernelCase& one) {
  std::uint64_t bytes = 0, conflicts = 0;
  emu::RequestCounts requests;
  std::string lines = one.title();
  for (const emu::LaunchCounts& launch : counts_of(one)) {
    bytes += launch.bytes_read + launch.bytes_written;
    requests += launch.reads;
    requests += launch.writes;
    conflicts += launch.shared.conflicts();
    lines += message("\n  ", launch.kernel, ": read ", launch.bytes_read, ", written ", launch.bytes_written,
                     ", sector efficiency ", launch.sector_efficiency(), ", conflicts ", launch.shared.conflicts());
  }
  const double declared = double(one.cost.bytes_read + one.cost.bytes_written);
  if (std::getenv("PRINT_COUNTS")) std::cout << double(bytes) / declared << " " << lines << "\n";
  EXPECT_GT(bytes, 0u) << lines;
  EXPECT_LE(double(bytes), one.allowance.bytes_over_minimum * declared) << double(bytes) / declared << " " << lines;
  EXPECT_GE(double(requests.ideal_sectors), one.allowance.sector_efficiency * double(requests.sectors)) << lines;
  EXPECT_LE(conflicts, one.declared_conflicts) << lines;
}

std::vector<KernelCase> network_cases() {
  return cases::family_cases({.size = cases::CaseSize::kNetwork});
}

TEST(KernelCounts, CallsOfNetworksMoveTheDeclaredBytes) {
  for (const KernelCase& one : network_cases()) expect_streaming(one);
}

TEST(KernelCounts, AnImageBatchWritesItselfAndSingleLabels) {
  for (const KernelCase& one : network_cases()) {
    if (one.name != "image_batch/gather") continue;
    const std::vector<emu::LaunchCounts> launches = counts_of(one);
    ASSERT_EQ(launches.size(), 1u);
    // Each image's block writes its label, 4 bytes of a sector of 32.
    EXPECT_EQ(launches[0].bytes_written, std::uint64_t(one.cost.bytes_written + 16 * 28));
  }
}

TEST(KernelCounts, SurvivalScores) {
  // Rows of the panel are read whole; before that each lane reads three columns of a row of its own.
  for (const dim_t covariates : {dim_t(11), dim_t(27)}) {
    const testing::GeneSample s(2000, 8, covariates, false, false, 1);
    const RiskSets sets = s.risk(CoxTies::kEfron);
    const ScorePanel panel = make_cox_panel(sets, s.z.data(), s.q, s.offset.data(), s.treatment.data());
    std::vector<double> stats(std::size_t(s.p * kNumScoreStatistics));
    emu::take_counts();
    emu::options().count = true;
    testing::survival_kernels().score({}, panel.args(s.view(), stats.data()));
    emu::options().count = false;
    const std::vector<emu::LaunchCounts> launches = emu::take_counts();
    ASSERT_EQ(launches.size(), 1u);
    EXPECT_LE(double(launches[0].bytes_read), 1.05 * double(score_screen_cost(s.view(), panel.width).bytes_read));
    EXPECT_GE(launches[0].sector_efficiency(), 0.65) << covariates;
    EXPECT_EQ(launches[0].shared.conflicts(), 0u);
  }
}

}  // namespace
}  // namespace engram::kernels
