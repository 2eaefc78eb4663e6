#include "kernel_cases/expected.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"

namespace engram::cases {
namespace {

/// Position of planar element i in the order of `s`.
dim_t physical(const kernels::ActivationShape& s, dim_t i) {
  const dim_t p = i % s.pixels(), c = i / s.pixels() % s.c, n = i / (s.pixels() * s.c);
  return ((n * s.blocks() + c / s.block) * s.pixels() + p) * s.block + c % s.block;
}

/// As doubles, planar; for structs nothing.
std::vector<double> widened(const Operand& operand) {
  std::vector<double> values;
  const void* const memory = operand.memory();
  if (!memory || !operand.element) return values;
  const bool planar = operand.order.count() == 0;
  for (dim_t i = 0; i < operand.count; ++i)
    values.push_back(operand.element(memory, planar ? i : physical(operand.order, i)));
  return values;
}

std::string first_difference(const std::string& name, const std::vector<double>& got, const std::vector<double>& wanted,
                             const Tolerance& tolerance) {
  double largest = tolerance.least_scale;
  for (const double v : wanted)
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double allowed =
        tolerance.absolute + tolerance.of_value * std::abs(wanted[i]) + tolerance.of_largest * largest;
    if (got[i] == wanted[i] || (std::isnan(wanted[i]) && std::isnan(got[i]))) continue;
    if (std::isfinite(wanted[i]) && std::abs(got[i] - wanted[i]) <= allowed) continue;
    return message(name, "[", i, "]: expected ", wanted[i], " within ", allowed, ", got ", got[i], ", off by ",
                   std::abs(got[i] - wanted[i]));
  }
  return {};
}

}  // namespace

Expected::Expected(const Operands& operands) : operands_(operands) {
  for (const Operand& one : operands.list())
    if (one.role == Role::kIn || one.role == Role::kInOut) before_[one.name] = widened(one);
}

const double* Expected::in(const std::string& name) const {
  const auto found = before_.find(name);
  return found == before_.end() || found->second.empty() ? nullptr : found->second.data();
}

double* Expected::out(const std::string& name, const Tolerance& tolerance) {
  for (const Operand& one : operands_.list()) {
    if (one.name != name) continue;
    Result& result = results_[name];
    result = {std::vector<double>(std::size_t(one.count), 0.0), tolerance};
    return result.values.data();
  }
  throw UsageError(message("[kernel case] expected an operand ", name, ", got none"));
}

std::vector<std::string> Expected::mismatches() const {
  std::vector<std::string> lines;
  for (const Operand& one : operands_.list()) {
    if (!one.is_written() || !one.memory() || !one.element) continue;
    const std::vector<double> got = widened(one);
    const auto wanted = results_.find(one.name);
    if (wanted != results_.end()) {
      const std::string line = first_difference(one.name, got, wanted->second.values, wanted->second.tolerance);
      if (!line.empty()) lines.push_back(line);
    } else if (std::any_of(got.begin(), got.end(), [](double v) { return std::isnan(v); })) {
      lines.push_back(message(one.name, ": expected no NaN, got one"));
    }
  }
  for (const auto& check : checks_)
    if (std::string line = check(); !line.empty()) lines.push_back(std::move(line));
  return lines;
}

}  // namespace engram::cases
