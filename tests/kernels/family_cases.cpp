#include "tests/kernels/family_cases.h"

#include <algorithm>

namespace engram::testing {
namespace {

const std::vector<cases::KernelCase>& odd_cases() {
  static const std::vector<cases::KernelCase> all = cases::family_cases({.size = cases::CaseSize::kOdd});
  return all;
}

}  // namespace

std::vector<std::string> families_with_cases() {
  std::vector<std::string> names;
  for (const cases::KernelCase& one : odd_cases())
    if (std::find(names.begin(), names.end(), one.family()) == names.end()) names.push_back(one.family());
  return names;
}

std::vector<cases::KernelCase> cases_of(const std::string& family) {
  std::vector<cases::KernelCase> some;
  for (const cases::KernelCase& one : odd_cases())
    if (one.family() == family) some.push_back(one);
  return some;
}

std::string bits_of(const cases::KernelCase& one, const kernels::Backend& kernels) {
  const cases::CaseDevice device = cases::host_device(kernels);
  cases::DeviceArrays arrays(device);
  const cases::PreparedCall call = one.prepare(arrays);
  call();
  std::string bits;
  for (const cases::Operand& operand : call.operands->list())
    if (operand.is_written() && operand.memory())
      bits.append(static_cast<const char*>(operand.memory()), operand.bytes());
  return bits;
}

}  // namespace engram::testing
