/// Reductions of special operands. Axes in every arrangement, ties and NaN: kernel_cases/reduce.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/reduce/reduce.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using ::engram::testing::poisoned;

struct Axis {
  dim_t extent, stride;
};

struct Case {
  const char* name;
  std::vector<Axis> kept, reduced;
};

ReduceArgs make_args(const Case& c, ReduceOp op, const float* x, float* y, std::int32_t* index) {
  ReduceArgs args{};
  args.op = op;
  args.x = x;
  args.y = y;
  args.index = index;
  args.scale = 1;
  for (const Axis& a : c.kept) {
    args.kept_shape[args.kept_rank] = a.extent;
    args.kept_stride[args.kept_rank++] = a.stride;
  }
  for (const Axis& a : c.reduced) {
    args.reduced_shape[args.reduced_rank] = a.extent;
    args.reduced_stride[args.reduced_rank++] = a.stride;
  }
  return args;
}

void run(ReduceArgs args) {
  std::vector<char> workspace(backend_under_test().reduce.workspace_bytes(args));
  args.workspace = workspace.data();
  backend_under_test().reduce.reduce({}, args);
}

TEST(Reduce, PositionWithoutValue) {
  const std::vector<float> x = {1, 5, 5, 2, 9, 3};
  std::vector<std::int32_t> index(2, -1);
  run(make_args({"", {{2, 3}}, {{3, 1}}}, ReduceOp::kMax, x.data(), nullptr, index.data()));
  EXPECT_EQ(index, (std::vector<std::int32_t>{1, 1}));
}

TEST(Reduce, NoReducedElementSumsToZero) {
  auto y = poisoned(3);
  run(make_args({"", {{3, 1}}, {{0, 3}}}, ReduceOp::kSum, nullptr, y.data(), nullptr));
  EXPECT_EQ(y, std::vector<float>(3, 0.f));
}

TEST(Reduce, LongSumOfLargeOffsetKeepsItsDigits) {
  const std::vector<float> x(1 << 20, 1000.1f);
  float y = 0;
  run(make_args({"", {}, {{1 << 20, 1}}}, ReduceOp::kSum, x.data(), &y, nullptr));
  EXPECT_NEAR(y / (1 << 20), 1000.1f, 2e-4);
}

}  // namespace
}  // namespace engram::kernels
