/// The checker finds every seeded bug in every order and nothing in right kernels.

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "emulator/emulator.h"
#include "emulator/mutation.h"
#include "tests/emulator/device_array.h"
#include "tests/emulator/example_cases.h"
#include "tests/emulator/seeded_bugs.h"

namespace emu::testing {
namespace {

const char* name_of(Order order) {
  return order == Order::kForward ? "forward" : order == Order::kReverse ? "reverse" : "random";
}

std::vector<SeededBug> all_bugs() {
  std::vector<SeededBug> bugs = seeded_bugs();
  bugs.insert(bugs.end(), seeded_tensor_bugs().begin(), seeded_tensor_bugs().end());
  return bugs;
}

class SeededBugs : public ::testing::TestWithParam<Order> {};

TEST_P(SeededBugs, EachIsFoundByItsTool) {
  for (const auto& bug : all_bugs()) {
    const ScopedOptions scope(GetParam());
    bug.run();
    const auto reports = take_reports();
    bool found = false;
    for (const auto& report : reports) {
      found |= report.tool == bug.found_by && report.text.find(bug.said) != std::string::npos;
    }
    EXPECT_TRUE(found) << bug.name << " is not found by " << tool_name(bug.found_by) << " with '" << bug.said
                       << "'; found instead:\n"
                       << describe(reports);
  }
}

INSTANTIATE_TEST_SUITE_P(AllOrders, SeededBugs, ::testing::Values(Order::kForward, Order::kReverse, Order::kRandom),
                         [](const auto& test) { return name_of(test.param); });

TEST(SeededBugTable, NamesEachOnce) {
  std::set<std::string> names;
  for (const auto& bug : all_bugs()) names.insert(bug.name);
  EXPECT_EQ(names.size(), all_bugs().size());
  EXPECT_GE(names.size(), 70u);
}

TEST(Checker, FindsNothingInRightKernels) {
  for (const Order order : {Order::kForward, Order::kReverse, Order::kRandom}) {
    for (const bool count : {false, true}) {
      const ScopedOptions scope(order, 1, count);
      EXPECT_EQ(run_examples(), "") << name_of(order);
      EXPECT_EQ(describe(take_reports()), "") << name_of(order);
    }
  }
}

TEST(Checker, NamesSourceLinesKernelAndThread) {
  const ScopedOptions scope;
  for (const auto& bug : seeded_bugs()) {
    if (std::string(bug.name) == "one past the end") bug.run();
  }
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].what, "Invalid __global__ write of size 4 bytes");
  EXPECT_EQ(reports[0].place.rfind("seeded_bugs.cu:", 0), 0u) << reports[0].place;
  EXPECT_NE(reports[0].text.find("by thread (63,0,0) in block (0,0,0)"), std::string::npos) << reports[0].text;
}

TEST(Checker, CanBeSwitchedOff) {
  const ScopedOptions scope;
  options().check = false;
  for (const auto& bug : seeded_bugs()) {
    if (std::string(bug.name) == "missing __syncwarp") bug.run();
  }
  EXPECT_EQ(describe(take_reports()), "");
}

std::string source_line(SourceLocation location) {
  std::ifstream file(location.file);
  std::string line;
  for (int i = 0; i < location.line; ++i) std::getline(file, line);
  return line;
}

// The last barrier of block_sum is there for callers that reuse its scratch, and no example does.
TEST(Mutation, EachRemovedSyncIsNoticedOrKnownAsRedundant) {
  const ScopedOptions scope;
  const auto removals = remove_each_sync([] { return run_examples().empty(); });
  EXPECT_EQ(removals.size(), 7u);
  int redundant = 0;
  for (const auto& removal : removals) {
    const std::string line = source_line(removal.sync);
    EXPECT_NE(line.find("sync"), std::string::npos) << removal.sync.file << ":" << removal.sync.line;
    if (!removal.caught_by.empty()) continue;
    ++redundant;
    EXPECT_NE(line.find("for the caller"), std::string::npos) << removal.sync.file << ":" << removal.sync.line;
  }
  EXPECT_EQ(redundant, 1);
}

TEST(Mutation, RefusesCasesThatFailByThemselves) {
  const ScopedOptions scope;
  EXPECT_THROW(remove_each_sync([] { return false; }), std::logic_error);
}

}  // namespace
}  // namespace emu::testing
