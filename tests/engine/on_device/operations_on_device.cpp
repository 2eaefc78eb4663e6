/// The table of operations on the device in the environment's ENGRAM_TEST_DEVICE. Exits with 77 when there is no such
/// device.

#include <gtest/gtest.h>

#include <cstdio>

#include "kernels/common/error.h"
#include "tests/support/op_case.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  try {
    engram::testing::test_device();
  } catch (const engram::DeviceError& error) {
    std::printf("skipped: %s\n", error.what());
    return 77;
  }
  return RUN_ALL_TESTS();
}
