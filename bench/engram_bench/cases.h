#pragma once
/// The kernel cases as engram-bench names and chooses them.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/kernel_cases/kernel_case.h"

namespace engram::bench {

/// A case under the name that its row has.
struct BenchCase {
  std::string name;  ///< "family/entry", or with a shape behind it
  Cost cost;
  /// Makes the operands and returns the call, which queues work on the default stream.
  std::function<std::function<void()>(DeviceArrays&)> prepare;
};

/// Which cases.
struct CaseChoice {
  std::vector<std::string> families = {};  ///< names of families, or of cases; all where there are none
  std::string shape = {};                  ///< what a case's name contains besides; empty: any
  std::string device = "cpu";
  std::int64_t scale = 4;  ///< of the operands, about a MB each
};

/// "family" of a case's name.
std::string family_of(const std::string& name);

/// The cases that are chosen. Throws UsageError for a family or shape that no case has, with the nearest.
std::vector<BenchCase> chosen_cases(const CaseChoice& choice);

}  // namespace engram::bench
