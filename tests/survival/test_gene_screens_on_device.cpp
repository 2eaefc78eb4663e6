/// The screens on the CUDA kernels (emulated here) against those on the CPU.

#include <gtest/gtest.h>

#include <cmath>

#include "models/genes/calibrated_screen.h"
#include "models/genes/simulator.h"

namespace engram::genes {
namespace {

const Cohort& screened() {
  static const Cohort made = [] {
    SimulatorSettings settings = scenario("H");
    settings.patients = 90;
    settings.genes = 60;
    return simulate(settings, 8).cohort;
  }();
  return made;
}

class ScreensOnDevice : public ::testing::TestWithParam<const char*> {};

// The kernels add in another order; the replicates, which give the p-values, run on the CPU.
TEST_P(ScreensOnDevice, AreThoseOfTheCpu) {
  const CalibratedScreenOptions here{.screen = GetParam(), .replicates = 20};
  CalibratedScreenOptions there = here;
  there.device = parse_device("emu");
  const GeneTests a = calibrated_screen(screened(), here), b = calibrated_screen(screened(), there);
  EXPECT_EQ(a.log10_p, b.log10_p);
  EXPECT_EQ(a.status, b.status);
  ASSERT_EQ(b.z.size(), 60u);
  for (std::size_t j = 0; j < b.z.size(); ++j) {
    EXPECT_NEAR(a.z[j], b.z[j], 1e-6 * (1 + std::abs(a.z[j]))) << j;
    EXPECT_NEAR(a.effect[j], b.effect[j], 1e-6 * (1 + std::abs(a.effect[j]))) << j;
    EXPECT_NEAR(a.se[j], b.se[j], 1e-6 * (1 + a.se[j])) << j;
    EXPECT_NEAR(a.model_log10_p[j], b.model_log10_p[j], 1e-6 * (1 - a.model_log10_p[j])) << j;
  }
}

INSTANTIATE_TEST_SUITE_P(Screens, ScreensOnDevice, ::testing::Values("A", "B", "C", "TA", "S1", "S2", "OS", "AFT"));

TEST(FilterOnDevice, KeepsTheSameGenes) {
  FilterOptions here, there;
  here.from_cox = there.from_cox = 12;
  here.from_aft = there.from_aft = 8;
  there.device = parse_device("emu");
  const std::vector<FilteredGene> a = default_filter(screened(), here), b = default_filter(screened(), there);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t j = 0; j < a.size(); ++j) {
    EXPECT_EQ(a[j].gene, b[j].gene);
    EXPECT_NEAR(a[j].cox_z, b[j].cox_z, 1e-6);
    EXPECT_NEAR(a[j].aft_z, b[j].aft_z, 1e-6);
  }
}

}  // namespace
}  // namespace engram::genes
