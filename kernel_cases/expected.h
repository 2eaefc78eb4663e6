#pragma once
/// Results of a call by its family's reference in double, and how far from them it may be.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kernel_cases/operands.h"

namespace engram::cases {

/// |got - expected| may be `absolute` + `of_value` |expected| + `of_largest` max(`least_scale`, max |expected|).
struct Tolerance {
  double absolute = 0, of_value = 0, of_largest = 0, least_scale = 0;
};

/// Made of a call in host memory before it runs; its family's `expect` then names the results.
class Expected {
 public:
  explicit Expected(const Operands& operands);

  /// An operand before the call, in planar order where it is an activation; null where the call has none.
  const double* in(const std::string& name) const;
  /// Where to write the expected result, zeros first, in planar order where it is an activation. A result that the call
  /// does not give is written to as well, and not compared.
  double* out(const std::string& name, const Tolerance& tolerance);
  /// A check of its own after the call: what is wrong, or nothing.
  void afterwards(std::function<std::string()> check) { checks_.push_back(std::move(check)); }

  /// After the call: one line for each result that is not as expected, with the first place; and for each result
  /// without an expectation that holds a NaN.
  std::vector<std::string> mismatches() const;

 private:
  struct Result {
    std::vector<double> values;
    Tolerance tolerance;
  };
  const Operands& operands_;
  std::map<std::string, std::vector<double>> before_;
  std::map<std::string, Result> results_;
  std::vector<std::function<std::string()>> checks_;
};

}  // namespace engram::cases
