#include "kernel_cases/staged.h"

#include <cstdlib>

#include "kernels/common/error.h"

namespace engram::cases {
namespace {

const CaseDevice* device = nullptr;

std::size_t offset_bytes() {
  const char* text = std::getenv("ENGRAM_TEST_OFFSET");
  return text ? std::size_t(std::atoi(text)) : 0;
}

}  // namespace

void stage_on(const CaseDevice& chosen) {
  device = &chosen;
}

const CaseDevice& staging_device() {
  if (!device) throw UsageError("[staging] expected a device, got none");
  return *device;
}

const kernels::Backend& staged_backend() {
  const kernels::Backend& cpu = kernels::cpu_backend();
#define ENGRAM_STAGED_MEMBER(family, Family) .family = kernels::kStaged##Family,
  static const kernels::Backend backend = {.name = staging_device().kernels.name,
                                           ENGRAM_HAND_WRITTEN_FAMILIES(ENGRAM_STAGED_MEMBER).conv2d = cpu.conv2d,
                                           .matmul = cpu.matmul};
#undef ENGRAM_STAGED_MEMBER
  return backend;
}

Staging::~Staging() {
  for (const auto& [host, buffer] : buffers_) {
    if (buffer.copy_out) device->copy_back(const_cast<void*>(host), buffer.device, buffer.bytes);
    device->release(buffer.memory);
  }
}

void Staging::place(const Operands& operands) {
  for (const Operand& one : operands.list()) one.place(one.role == Role::kScratch ? scratch(one.bytes()) : mirror(one));
}

void* Staging::mirror(const Operand& operand) {
  const void* const host = operand.memory();
  const std::size_t bytes = operand.bytes();
  if (!host) return nullptr;
  auto [at, is_new] = buffers_.try_emplace(host);
  Buffer& buffer = at->second;
  if (is_new) {
    const std::size_t offset = (offset_bytes() + operand.alignment - 1) / operand.alignment * operand.alignment;
    void* memory = staging_device().allocate(bytes + offset);
    buffer = {memory, static_cast<char*>(memory) + offset, bytes, false, false};
  }
  if (bytes > buffer.bytes)
    throw UsageError(message("[staging] expected at most ", buffer.bytes, " bytes again, got ", bytes));
  const bool is_read = operand.role != Role::kOut;
  if (is_read && !buffer.copied_in) staging_device().copy_in(buffer.device, host, bytes);
  buffer.copied_in |= is_read;
  buffer.copy_out |= operand.is_written();
  return buffer.device;
}

void* Staging::scratch(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = staging_device().allocate(bytes);
  buffers_[memory] = {memory, static_cast<char*>(memory), bytes, true, false};
  return memory;
}

}  // namespace engram::cases
