/// Removes each barrier of the CUDA kernels in turn: the checker or a changed result must notice.

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "emulator/emulator.h"
#include "emulator/mutation.h"
#include "tests/kernels/family_cases.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/survival_screen_samples.h"

namespace engram::kernels {
namespace {

/// The bits of one call.
using Bits = std::function<std::string()>;

/// A family's calls at odd extents, each extent once, without the largest: they run again for every barrier.
std::vector<Bits> calls_of(const std::string& family) {
  constexpr std::int64_t kMostBytes = 400000;
  std::set<std::string> known;
  std::vector<Bits> calls;
  for (const cases::KernelCase& one : testing::cases_of(family)) {
    const std::string extents = one.name + " " + one.shape.substr(0, one.shape.find(','));
    if (one.cost.bytes_read + one.cost.bytes_written > kMostBytes || !known.insert(extents).second) continue;
    calls.push_back([one] { return testing::bits_of(one, backend_under_test()); });
  }
  return calls;
}

std::string bytes_of(const std::vector<double>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)};
}

std::string survival_bits() {
  const testing::GeneSample s(130, 1, 2, true, true, 1);
  const RiskSets sets = s.risk(CoxTies::kEfron);
  std::vector<double> cells;
  for (const CellFit& f : testing::cell_fits(s, sets, 7, 1e-6))
    cells.insert(cells.end(), {f.coef[0], f.coef[1], f.coef[2], f.se[0], f.se[1], f.se[2], f.loglik, f.score});
  const testing::FullResult full = testing::full_fits(s, sets, 2, {0}, 1e-6);
  return bytes_of(cells) + bytes_of(full.coef) + bytes_of(full.se);
}

/// Each barrier that the calls reach is missed when it is gone. Notes their places.
void remove_barriers(const std::vector<Bits>& calls, std::set<std::string>& places) {
  std::vector<std::string> expected;
  for (const Bits& call : calls) expected.push_back(call());
  const auto all_right = [&] {
    for (std::size_t i = 0; i < calls.size(); ++i)
      if (calls[i]() != expected[i]) return false;
    return true;
  };
  for (const emu::SyncRemoval& removal : emu::remove_each_sync(all_right)) {
    const std::string place = std::string(removal.sync.file) + ":" + std::to_string(removal.sync.line);
    places.insert(place);
    EXPECT_NE(removal.caught_by, "") << place << ": nothing noticed that this barrier was missing";
  }
}

TEST(SyncRemoval, EveryBarrierOfTheKernelsIsNeeded) {
  std::set<std::string> places;
  for (const std::string& family : testing::families_with_cases()) remove_barriers(calls_of(family), places);
  remove_barriers({survival_bits}, places);
  EXPECT_GE(places.size(), 45u);
}

}  // namespace
}  // namespace engram::kernels
