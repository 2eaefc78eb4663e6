#pragma once
/// The limits that CI holds kernels to.

#include <map>
#include <string>
#include <vector>

#include "bench/kernel_report/measure.h"

namespace engram::bench {

/// Another limit for one case, written down with its reason.
struct Exception {
  std::string gate;  ///< "bytes", "sectors", "occupancy", "conflicts"
  double limit = 0;
  std::string reason;
};

/// Exceptions by case.
using Exceptions = std::map<std::string, std::vector<Exception>>;

inline constexpr double kMinSectorEfficiency = 0.95;
inline constexpr double kMaxBytesOverMinimum = 1.05;
inline constexpr double kMinOccupancy = 0.5;

/// What is wrong with a case: one line each, empty if nothing is. Gates: no checker findings; no spill; no bank
/// conflict that the case does not declare; sector efficiency, bytes moved and theoretical occupancy within their
/// limits (or those of the exceptions).
std::vector<std::string> failures_of(const CaseResult& result, const Exceptions& exceptions);

/// Reads the file of exceptions. Throws IoError or DataError.
Exceptions read_exceptions(const std::string& path);

}  // namespace engram::bench
