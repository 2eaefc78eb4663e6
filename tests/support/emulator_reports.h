#pragma once
/// Tests in which the emulator finds something fail.

#include <gtest/gtest.h>

#include "emulator/emulator.h"

namespace engram::testing {

/// A test fails with what the emulator found during it. Appended to GoogleTest's listeners by fail_on_reports().
class ReportListener : public ::testing::EmptyTestEventListener {
  void OnTestEnd(const ::testing::TestInfo&) override {
    const auto reports = emu::take_reports();
    if (!reports.empty()) ADD_FAILURE() << emu::describe(reports);
  }
};

/// Makes every test of the program fail on reports. Returns true, for the initialisation of a constant.
inline bool fail_on_reports() {
  ::testing::UnitTest::GetInstance()->listeners().Append(new ReportListener);
  return true;
}

}  // namespace engram::testing
