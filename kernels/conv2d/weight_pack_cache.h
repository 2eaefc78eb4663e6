#pragma once
/// Packed weights of one tensor. Internal to the convolution.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels/conv2d/aligned_buffer.h"

namespace engram::kernels {

/// Packed forms of the weights of one owner, by source address and format. Thread-safe.
class WeightPackCache {
 public:
  WeightPackCache() = default;
  ~WeightPackCache();
  WeightPackCache(const WeightPackCache&) = delete;

  /// A packed form, which lives as long as somebody holds it.
  using Packed = std::shared_ptr<const AlignedBuffer>;

  /// The weights at `source` in packed form number `format`. When there is none of this version, `pack` makes it in
  /// `bytes` of memory while other threads wait. Keeps at most kMaxForms forms and drops the one used longest ago.
  Packed find(const void* source, int format, std::size_t bytes, std::uint64_t version,
              const std::function<void(char*)>& pack);

  /// Bytes over all caches.
  static std::int64_t total_bytes() { return total_bytes_; }

 private:
  static constexpr std::size_t kMaxForms = 8;

  struct Entry {
    const void* source;
    int format;
    std::uint64_t version;
    std::uint64_t last_use;
    std::shared_ptr<AlignedBuffer> buffer;
  };

  std::mutex mutex_;
  std::vector<Entry> entries_;
  std::uint64_t clock_ = 0;
  static std::atomic<std::int64_t> total_bytes_;
};

}  // namespace engram::kernels
