#pragma once
/// A kernel and versions of it that are worse in one way each, for the tests of the gate.

namespace engram::testing {

enum class Seed {
  kNone,
  kScalarAccess,   ///< single values in place of 16 bytes a thread
  kStridedAccess,  ///< neighbouring threads take packs that lie 32 bytes apart
  kReadsAgain,     ///< reads the row a second time in place of keeping it in registers
  kReadsMore,      ///< also reads 128 bytes a row that it does not need, 1.6 % of what it moves
  kWritesTwice,    ///< writes the row before it is finished, and again
  kBankConflicts,  ///< partial sums of a warp's threads lie in one bank
  kMoreBarriers,   ///< waits at a barrier that nothing needs
  kSecondLaunch,   ///< finishes in a launch of its own
};

constexpr int kSeededColumns = 1024;

/// y = x - the mean of its row, [rows, kSeededColumns] on the emulated device. x has 32 more values a row behind it.
void centre_rows(Seed seed, const float* x, float* y, int rows);

}  // namespace engram::testing
