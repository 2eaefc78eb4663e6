#pragma once
/// Packed weights of one tensor. Internal to the convolution.

#include <atomic>
#include <cstdint>
#include <vector>

#include "kernels/conv2d/aligned_buffer.h"

namespace engram::kernels {

/// Packed forms of the weights of one owner, by source address and format. Not thread-safe: the convolution guards it.
class WeightPackCache {
 public:
  WeightPackCache() = default;
  ~WeightPackCache();
  WeightPackCache(const WeightPackCache&) = delete;

  struct Slot {
    char* data;  ///< `bytes` of memory
    bool valid;  ///< false: the caller must fill it with the packed form of this version
  };

  /// The slot of the weights at `source` in packed form number `format`. Holds at most kMaxForms forms and drops the
  /// one used longest ago.
  Slot find(const void* source, int format, std::size_t bytes, std::uint64_t version);

  /// Bytes over all caches.
  static std::int64_t total_bytes() { return total_bytes_; }

 private:
  static constexpr std::size_t kMaxForms = 8;

  struct Entry {
    const void* source;
    int format;
    std::uint64_t version;
    std::uint64_t last_use;
    AlignedBuffer buffer;
  };

  std::vector<Entry> entries_;
  std::uint64_t clock_ = 0;
  static std::atomic<std::int64_t> total_bytes_;
};

}  // namespace engram::kernels
