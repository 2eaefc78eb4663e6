#pragma once
/// The emulated CUDA runtime in a known state for each test.

#include <gtest/gtest.h>

#include "emulator/emulator.h"
#include "emulator/runtime_control.h"

namespace engram::testing {

/// Fails a test that leaves reports of the emulator behind, and restores the runtime's options.
class Emulated : public ::testing::Test {
 protected:
  Emulated() : before_(emu::runtime_options()) {
    emu::reset_runtime();
    emu::take_reports();
  }
  ~Emulated() override {
    emu::runtime_options() = before_;
    emu::fail_call(0);
    emu::reset_runtime();
    const auto reports = emu::take_reports();
    EXPECT_TRUE(reports.empty()) << emu::describe(reports);
  }

  /// The reports so far, one text; forgets them.
  static std::string reports() { return emu::describe(emu::take_reports()); }

 private:
  emu::RuntimeOptions before_;
};

}  // namespace engram::testing
