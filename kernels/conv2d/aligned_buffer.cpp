#include "kernels/conv2d/aligned_buffer.h"

#include <cstdlib>
#include <utility>

#include "kernels/common/error.h"

namespace engram::kernels {

AlignedBuffer::~AlignedBuffer() {
  release();
}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

char* AlignedBuffer::reserve(std::size_t bytes) {
  if (bytes <= bytes_) return data_;
  release();
  constexpr std::size_t kAlignment = 4096;
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  data_ = static_cast<char*>(std::aligned_alloc(kAlignment, rounded));
  if (!data_) throw OutOfMemory(message("[conv2d] could not get ", rounded, " bytes of scratch memory"));
  bytes_ = rounded;
  return data_;
}

void AlignedBuffer::release() {
  std::free(data_);
  data_ = nullptr;
  bytes_ = 0;
}

}  // namespace engram::kernels
