/// Every case of the kernel families on the back end under test: results against the references in double, written
/// wholly, and the same bits in every order of execution.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include "kernel_cases/kernel_case.h"
#include "kernels/common/instruction_set.h"
#include "tests/kernels/family_cases.h"
#include "tests/support/backend_under_test.h"

namespace engram::kernels {
namespace {

using cases::KernelCase;

class KernelCases : public ::testing::TestWithParam<std::string> {};

void check(const KernelCase& one) {
  const cases::CaseDevice device = cases::host_device(backend_under_test());
  cases::DeviceArrays arrays(device);
  const cases::PreparedCall call = one.prepare(arrays);
  cases::Expected expected(*call.operands);
  if (call.expect) call.expect(expected);
  call();
  for (const std::string& line : expected.mismatches()) ADD_FAILURE() << one.title() << ": " << line;
}

TEST_P(KernelCases, MatchTheReferenceInDouble) {
  for (const KernelCase& one : testing::cases_of(GetParam())) check(one);
}

// The CPU's kernels exist in several widths; a device's do not.
TEST_P(KernelCases, MatchTheReferenceWithoutWideVectors) {
  for (const InstructionSet set : {InstructionSet::kBaseline, InstructionSet::kAvx2}) {
    limit_instruction_set(set);
    for (const KernelCase& one : testing::cases_of(GetParam())) check(one);
  }
  limit_instruction_set(InstructionSet::kAvx512);
}

TEST_P(KernelCases, BitsDoNotDependOnOrderOrThreadCount) {
  for (const KernelCase& one : testing::cases_of(GetParam())) {
    const auto results = testing::at_schedules([&] { return testing::bits_of(one, backend_under_test()); });
    EXPECT_EQ(results[0], results[1]) << one.title();
    EXPECT_EQ(results[0], results[2]) << one.title();
  }
}

// Calls of networks are counted, large ones timed and gated.
TEST(KernelCaseSizes, EveryFamilyWithCasesIsCountedAndTimed) {
  for (const cases::CaseSize size : {cases::CaseSize::kNetwork, cases::CaseSize::kLarge}) {
    std::set<std::string> families;
    for (const KernelCase& one : cases::family_cases({.size = size})) families.insert(one.family());
    for (const std::string& family : testing::families_with_cases())
      EXPECT_TRUE(families.contains(family)) << family << ", size " << int(size);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, KernelCases, ::testing::ValuesIn(testing::families_with_cases()),
                         [](const auto& family) { return family.param; });

}  // namespace
}  // namespace engram::kernels
