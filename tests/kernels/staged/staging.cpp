#include "tests/kernels/staged/staging.h"

#include <cstdlib>

#include "kernels/common/error.h"
#include "tests/kernels/staged/device_under_test.h"

namespace engram::testing {
namespace {

std::size_t offset_bytes() {
  const char* text = std::getenv("ENGRAM_TEST_OFFSET");
  return text ? std::size_t(std::atoi(text)) : 0;
}

/// First and last element of a strided operand, from its first position.
struct Span {
  dim_t first = 0, last = 0;
  bool empty = false;
};

Span span_of(int rank, const dim_t* shape, const dim_t* stride) {
  Span span;
  for (int i = 0; i < rank; ++i) {
    if (shape[i] == 0) span.empty = true;
    (stride[i] < 0 ? span.first : span.last) += (shape[i] - 1) * stride[i];
  }
  return span;
}

}  // namespace

Staging::~Staging() {
  for (const auto& [host, buffer] : buffers_) {
    if (buffer.copy_out)
      device_under_test().copy_back(const_cast<void*>(host), buffer.device, std::size_t(buffer.bytes));
    device_under_test().release(buffer.memory);
  }
}

void* Staging::stage(const void* host, dim_t bytes, std::size_t alignment, bool copy_in, bool copy_out) {
  if (!host) return nullptr;
  auto [at, is_new] = buffers_.try_emplace(host);
  Buffer& buffer = at->second;
  if (is_new) {
    const std::size_t offset = (offset_bytes() + alignment - 1) / alignment * alignment;
    void* memory = device_under_test().allocate(std::size_t(bytes) + offset);
    buffer = {memory, static_cast<char*>(memory) + offset, bytes, false, false};
  }
  if (bytes > buffer.bytes)
    throw UsageError(message("[staging] expected at most ", buffer.bytes, " bytes again, got ", bytes));
  if (copy_in && !buffer.copied_in) device_under_test().copy_in(buffer.device, host, std::size_t(bytes));
  buffer.copied_in |= copy_in;
  buffer.copy_out |= copy_out;
  return buffer.device;
}

void* Staging::scratch(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = device_under_test().allocate(bytes);
  buffers_[memory] = {memory, static_cast<char*>(memory), dim_t(bytes), true, false};
  return memory;
}

const void* Staging::in_strided(const void* host, int rank, const dim_t* shape, const dim_t* stride,
                                int element_bytes) {
  const Span span = span_of(rank, shape, stride);
  if (span.empty || !host) return nullptr;
  const char* first = static_cast<const char*>(host) + span.first * element_bytes;
  return in(first, (span.last - span.first + 1) * element_bytes) - span.first * element_bytes;
}

void* Staging::inout_strided(void* host, int rank, const dim_t* shape, const dim_t* stride, int element_bytes) {
  const Span span = span_of(rank, shape, stride);
  if (span.empty || !host) return nullptr;
  char* first = static_cast<char*>(host) + span.first * element_bytes;
  return inout(first, (span.last - span.first + 1) * element_bytes) - span.first * element_bytes;
}

}  // namespace engram::testing
