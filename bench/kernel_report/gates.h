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

/// What the baseline file says of a case.
struct CaseBaseline {
  int launches = 0;
  std::vector<Exception> exceptions;
};
using Baseline = std::map<std::string, CaseBaseline>;

inline constexpr double kMinSectorEfficiency = 0.95;
inline constexpr double kMaxBytesOverMinimum = 1.05;
inline constexpr double kMinOccupancy = 0.5;

/// What is wrong with a case: one line each, empty if nothing is. Gates: no checker findings; no spill; no bank
/// conflict that the case does not declare; sector efficiency, bytes moved and theoretical occupancy within their
/// limits (or those of the exceptions); no more launches than the baseline.
std::vector<std::string> failures_of(const CaseResult& result, const CaseBaseline* baseline);

/// Reads and writes the baseline file. Reading throws IoError or DataError.
Baseline read_baseline(const std::string& path);
/// Takes over the launches, keeps the exceptions.
void write_baseline(const std::string& path, const Baseline& old, const std::vector<CaseResult>& results);

}  // namespace engram::bench
