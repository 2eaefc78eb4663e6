#include "kernel_cases/kernel_case.h"

#include <cstring>

#include "kernels/families.h"

namespace engram::cases {

// Each is in the family's own file: kernel_cases/<family>.cpp.
#define ENGRAM_DECLARE_CASES(family, Family) void add_##family##_cases(CaseList& list);
ENGRAM_KERNEL_FAMILIES(ENGRAM_DECLARE_CASES)
#undef ENGRAM_DECLARE_CASES

namespace {

const Operand* find(const PreparedCall* call, const std::string& name) {
  if (!call) return nullptr;
  for (const Operand& one : call->operands->list())
    if (one.name == name && one.role != Role::kScratch && one.memory()) return &one;
  return nullptr;
}

/// Test data of one operand; results are poisoned with NaN.
std::vector<unsigned char> data_of(const Operand& operand, unsigned seed) {
  std::vector<unsigned char> data(operand.bytes(), 0xFF);
  if (operand.role == Role::kOut || operand.role == Role::kScratch) return data;
  if (const void* given = operand.given())
    std::memcpy(data.data(), given, data.size());
  else if (operand.content)
    operand.content(data.data());
  else
    operand.randomise(operand, data.data(), seed);
  return data;
}

}  // namespace

void CaseList::fill(const Operands& operands, DeviceArrays& device, const PreparedCall* earlier) {
  unsigned seed = 0;
  for (const Operand& one : operands.list()) {
    ++seed;
    if (one.is_optional && !one.memory()) continue;
    if (const Operand* shared = one.role == Role::kIn ? find(earlier, one.name) : nullptr) {
      one.place(shared->memory());
      continue;
    }
    const std::vector<unsigned char> data = data_of(one, seed);
    one.place(device.copy_of(data.data(), data.size()));
  }
}

KernelCase& KernelCase::following(const KernelCase& earlier) {
  prepare = [make = make, before = earlier.prepare](DeviceArrays& device) {
    const PreparedCall first = before(device);
    first();
    return make(device, &first);
  };
  return *this;
}

std::vector<kernels::ActivationShape> CaseList::activations(std::vector<kernels::ActivationShape> odd,
                                                            std::vector<kernels::ActivationShape> network,
                                                            std::vector<kernels::ActivationShape> large) const {
  auto chosen = sizes(std::move(odd), std::move(network), std::move(large));
  if (request_.size == CaseSize::kOdd) return chosen;
  for (kernels::ActivationShape& shape : chosen) {
    shape.n *= request_.scale;
    shape.block = block_of(shape.c);
  }
  return chosen;
}

#define ENGRAM_ADD_CASES(family, Family) add_##family##_cases(list);
std::vector<KernelCase> family_cases(const CaseRequest& request) {
  CaseList list(request);
  ENGRAM_HAND_WRITTEN_FAMILIES(ENGRAM_ADD_CASES)
  return list.take();
}

std::vector<KernelCase> library_cases(const CaseRequest& request) {
  CaseList list(request);
  ENGRAM_LIBRARY_FAMILIES(ENGRAM_ADD_CASES)
  return list.take();
}
#undef ENGRAM_ADD_CASES

std::string shape_text(std::initializer_list<dim_t> extents) {
  std::string text;
  for (const dim_t extent : extents) text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text;
}

std::string shape_text(const kernels::ActivationShape& shape) {
  return shape_text({shape.n, shape.c, shape.h, shape.w}) + " block " + std::to_string(shape.block);
}

}  // namespace engram::cases
