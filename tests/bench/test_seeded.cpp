/// Regressions in code, measured as the gate measures: each is found, and named by the figure that it moves.

#include <gtest/gtest.h>

#include <algorithm>

#include "bench/engram_bench/emulated_counts.h"
#include "bench/engram_bench/gate_baseline.h"
#include "bench/engram_bench/gate_sections.h"
#include "engine/ops.h"
#include "tests/bench/seeded.h"

namespace engram::bench {
namespace {

using testing::Seed;

/// What the gate's section "kernels" holds of a version of the kernel.
Figures kernel_figures(Seed seed) {
  constexpr int kRows = 48, kCount = kRows * testing::kSeededColumns;
  const auto prepare = [seed](cases::DeviceArrays& device) {
    const float* x = device.values(kCount + kRows * 32);
    auto* y = device.empty<float>(kCount);
    return cases::PreparedCall{[=] { testing::centre_rows(seed, x, y, kRows); }, nullptr};
  };
  const KernelCase one = {"seeded/centre", "48x1024", {4 * kCount, 4 * kCount, 2 * kCount}, prepare};
  Figures figures;
  for (const auto& [name, count] : counts_of(measure(one, {}, 90))) figures[name] = count;
  return figures;
}

/// Whether `name` grew by a percent or more, and the gate says so.
void expect_worse(const Figures& was, const Figures& is, const std::string& name) {
  const std::vector<FigureChange> found = changes("section", was, is);
  const auto named = std::ranges::find(found, name, &FigureChange::name);
  ASSERT_NE(named, found.end()) << name;
  EXPECT_GE(double(*named->is), 1.01 * double(*named->was)) << name;
}

TEST(Seeded, WorseKernelsAreFoundByWhatTheyDo) {
  const Figures was = kernel_figures(Seed::kNone);
  EXPECT_TRUE(changes("section", was, kernel_figures(Seed::kNone)).empty());
  EXPECT_EQ(was.at("sectors"), was.at("ideal sectors"));
  const std::vector<std::pair<Seed, std::vector<std::string>>> seeds = {
      {Seed::kScalarAccess, {"requests"}},           {Seed::kStridedAccess, {"sectors"}},
      {Seed::kReadsAgain, {"requests", "sectors"}},  {Seed::kReadsMore, {"bytes moved", "requests", "sectors"}},
      {Seed::kWritesTwice, {"requests", "sectors"}}, {Seed::kBankConflicts, {"bank conflicts"}},
      {Seed::kMoreBarriers, {"barriers"}},           {Seed::kSecondLaunch, {"launches"}},
  };
  for (const auto& [seed, names] : seeds) {
    const Figures is = kernel_figures(seed);
    for (const std::string& name : names) expect_worse(was, is, name);
  }
}

/// What the section "steps" holds of a step on `rows` rows.
Figures step_figures(dim_t rows, const std::function<Tensor(const Tensor&)>& operations) {
  const Tensor x = Tensor::full({rows, 64}, 0.5f), weight = Tensor::full({64, 64}, 0.25f);
  Figures figures;
  count_step(
      "step", [&] { operations(matmul(x, weight)); }, figures);
  return figures;
}

TEST(Seeded, WorseStepsAreFoundByWhatTheyDo) {
  const auto plain = [](const Tensor& y) { return relu(y); };
  const Figures was = step_figures(100, plain);
  EXPECT_TRUE(changes("section", was, step_figures(100, plain)).empty());
  const Figures larger = step_figures(103, plain);
  for (const char* name :
       {"matmul bytes read", "matmul bytes written", "matmul flops", "relu bytes read", "peak bytes"})
    expect_worse(was, larger, std::string("step: ") + name);
  const Figures more = step_figures(100, [](const Tensor& y) { return relu(relu(y)); });
  for (const char* name : {"relu calls", "relu bytes written", "allocations"})
    expect_worse(was, more, std::string("step: ") + name);
  const Figures held = step_figures(100, [](const Tensor& y) {
    const Tensor first = relu(y), second = relu(y);
    return add(first, second);
  });
  expect_worse(was, held, "step: peak bytes");
}

}  // namespace
}  // namespace engram::bench
