/// Reductions against the double-precision reference: kept and reduced axes in every arrangement, ties, NaN, thread
/// counts.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "kernels/reduce/reduce.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using ::engram::testing::at_schedules;
using ::engram::testing::poisoned;
using ::engram::testing::random_values;

struct Axis {
  dim_t extent, stride;
};

struct Case {
  const char* name;
  std::vector<Axis> kept, reduced;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"everything", {}, {{7, 55}, {5, 11}, {11, 1}}},
      {"everything, long", {}, {{300007, 1}}},
      {"everything, permuted", {}, {{5, 11}, {11, 1}, {7, 55}}},
      {"last axis", {{37, 19}}, {{19, 1}}},
      {"last axis, long", {{3, 70001}}, {{70001, 1}}},
      {"first axis", {{19, 1}}, {{37, 19}}},
      {"first axis, long and narrow", {{5, 1}}, {{40001, 5}}},
      {"first axis, wide", {{1031, 1}}, {{67, 1031}}},
      {"middle axis", {{3, 77}, {7, 1}}, {{11, 7}}},
      {"outer and inner", {{6, 35}}, {{5, 210}, {35, 1}}},
      {"outer and inner, long", {{6, 1235}}, {{50, 7410}, {1235, 1}}},
      {"blocked channels", {{3, 16 * 15}, {16, 1}}, {{4, 3 * 16 * 15}, {15, 16}}},
      {"blocked pixels", {{4, 720}, {15, 16}}, {{3, 240}, {16, 1}}},
      {"strided everywhere", {{5, 3}, {4, 60}}, {{3, 19}, {2, 300}}},
      {"broadcast input", {{5, 0}, {7, 1}}, {{9, 0}}},
      {"nothing reduced", {{5, 7}, {7, 1}}, {}},
      {"extent one", {{1, 3}, {7, 1}, {1, 9}}, {{1, 7}, {13, 7}}},
  };
  return all;
}

dim_t span(const Case& c) {
  dim_t last = 0;
  for (const auto* axes : {&c.kept, &c.reduced})
    for (const Axis& a : *axes) last += (a.extent - 1) * a.stride;
  return last + 1;
}

dim_t outputs(const Case& c) {
  dim_t count = 1;
  for (const Axis& a : c.kept) count *= a.extent;
  return count;
}

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

TEST(Reduce, SumsMatchReference) {
  for (const Case& c : cases()) {
    for (ReduceOp op : {ReduceOp::kSum, ReduceOp::kSumSquares}) {
      const auto x = random_values(span(c), 1);
      auto y = poisoned(outputs(c));
      ReduceArgs args = make_args(c, op, x.data(), y.data(), nullptr);
      args.scale = 0.25;
      run(args);
      std::vector<double> expected(y.size());
      reference::reduce(args, expected.data(), nullptr);
      for (std::size_t i = 0; i < y.size(); ++i) {
        ASSERT_NEAR(y[i], expected[i], 3e-6 * (1 + std::abs(expected[i]))) << c.name << " at " << i;
      }
    }
  }
}

TEST(Reduce, ExtremesAndPositionsMatchReference) {
  for (const Case& c : cases()) {
    for (ReduceOp op : {ReduceOp::kMax, ReduceOp::kMin}) {
      auto x = random_values(span(c), 2);
      for (float& v : x) v = std::round(v * 20);  // many ties
      auto y = poisoned(outputs(c)), y_only = y;
      std::vector<std::int32_t> index(y.size(), -1), expected_index(y.size());
      std::vector<double> expected(y.size());
      run(make_args(c, op, x.data(), y.data(), index.data()));
      run(make_args(c, op, x.data(), y_only.data(), nullptr));
      reference::reduce(make_args(c, op, x.data(), y.data(), nullptr), expected.data(), expected_index.data());
      for (std::size_t i = 0; i < y.size(); ++i) {
        ASSERT_EQ(y[i], expected[i]) << c.name << " at " << i;
        ASSERT_EQ(y_only[i], expected[i]) << c.name << " at " << i;
        ASSERT_EQ(index[i], expected_index[i]) << c.name << " at " << i;
      }
    }
  }
}

TEST(Reduce, PositionWithoutValue) {
  const std::vector<float> x = {1, 5, 5, 2, 9, 3};
  std::vector<std::int32_t> index(2, -1);
  run(make_args({"", {{2, 3}}, {{3, 1}}}, ReduceOp::kMax, x.data(), nullptr, index.data()));
  EXPECT_EQ(index, (std::vector<std::int32_t>{1, 1}));
}

TEST(Reduce, NanWinsOverEverything) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for (const Case& c : cases()) {
    if (c.reduced.empty()) continue;
    for (dim_t at : {dim_t(0), span(c) - 1}) {
      auto x = random_values(span(c), 3);
      x[at] = nan;
      x[span(c) / 2] = at == span(c) / 2 ? nan : inf;
      auto y = poisoned(outputs(c));
      std::vector<std::int32_t> index(y.size(), -1), expected_index(y.size());
      std::vector<double> expected(y.size());
      for (std::int32_t* positions : {index.data(), static_cast<std::int32_t*>(nullptr)}) {
        run(make_args(c, ReduceOp::kMax, x.data(), y.data(), positions));
        reference::reduce(make_args(c, ReduceOp::kMax, x.data(), y.data(), nullptr), expected.data(),
                          expected_index.data());
        for (std::size_t i = 0; i < y.size(); ++i) {
          if (std::isnan(expected[i])) {
            ASSERT_TRUE(std::isnan(y[i])) << c.name << " at " << i;
          } else {
            ASSERT_EQ(y[i], expected[i]) << c.name << " at " << i;
          }
        }
      }
      EXPECT_EQ(index, expected_index) << c.name;
    }
  }
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

TEST(Reduce, BitsDoNotDependOnThreads) {
  for (const Case& c : cases()) {
    const auto x = random_values(span(c), 4);
    for (ReduceOp op : {ReduceOp::kSum, ReduceOp::kMax}) {
      const auto results = at_schedules([&] {
        auto y = poisoned(outputs(c));
        run(make_args(c, op, x.data(), y.data(), nullptr));
        return y;
      });
      EXPECT_EQ(0, std::memcmp(results[0].data(), results[1].data(), results[0].size() * 4)) << c.name;
      EXPECT_EQ(0, std::memcmp(results[0].data(), results[2].data(), results[0].size() * 4)) << c.name;
    }
  }
}

}  // namespace
}  // namespace engram::kernels
