#pragma once
/// Records the largest deviations from stored results, for the table in docs/survival.md.

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <string>

namespace engram::testing {

/// Prints the largest deviation seen of each kind when it goes.
class Deviation {
 public:
  Deviation() = default;
  Deviation(const Deviation&) = delete;
  ~Deviation() {
    for (const auto& [what, error] : largest_) std::cout << "largest deviation, " << what << ": " << error << "\n";
  }

  /// Returns `error`; a NaN counts as infinite.
  double see(const std::string& what, double error) {
    if (std::isnan(error)) error = INFINITY;
    largest_[what] = std::max(largest_[what], error);
    return error;
  }

 private:
  std::map<std::string, double> largest_;
};

}  // namespace engram::testing
