#pragma once
/// The kernel cases as engram-bench names and chooses them.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernel_cases/kernel_case.h"

namespace engram::bench {

using cases::CaseDevice;
using cases::DeviceArrays;
using cases::KernelCase;

/// A case under the name that its row has.
struct BenchCase {
  std::string name;  ///< "family/entry" with a shape behind it
  Cost cost;
  /// Makes the operands and returns the call, which queues work on the default stream.
  std::function<std::function<void()>(DeviceArrays&)> prepare;
  std::function<std::string()> plan = nullptr;  ///< as of KernelCase
};

/// Which cases.
struct CaseChoice {
  std::vector<std::string> families = {};  ///< names of families, or of cases; all where there are none
  std::string shape = {};                  ///< what a case's name contains besides; empty: any
  std::string device = "cpu";
  std::string size = "large";    ///< or "typical"
  std::string order = "device";  ///< of activations: the device's, "channels-last", "blocked", "planar"
  std::int64_t scale = 4;        ///< large operands have about as many MB; multiplies the batches of typical ones
};

/// "family" of a case's name, and "family/entry".
std::string family_of(const std::string& name);
std::string entry_of(const std::string& name);

/// The cases that are chosen. Throws UsageError for a family or shape that no case has, with the nearest.
std::vector<BenchCase> chosen_cases(const CaseChoice& choice);

}  // namespace engram::bench
