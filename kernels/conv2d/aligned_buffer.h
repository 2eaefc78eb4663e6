#pragma once
/// Scratch memory that only grows.

#include <cstddef>

namespace engram::kernels {

/// A block of memory aligned to 4096 bytes. Growing it discards what it held.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;

  /// At least `bytes` of memory. Throws OutOfMemory.
  char* reserve(std::size_t bytes);
  void release();
  std::size_t bytes() const { return bytes_; }
  char* data() const { return data_; }

 private:
  char* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace engram::kernels
