#include "kernels/conv2d/weight_pack_cache.h"

#include <algorithm>
#include <utility>

#include "kernels/conv2d/conv2d.h"

namespace engram::kernels {

std::atomic<std::int64_t> WeightPackCache::total_bytes_{0};

std::shared_ptr<WeightPackCache> make_weight_pack_cache() {
  return std::make_shared<WeightPackCache>();
}

std::int64_t conv2d_packed_weight_bytes() {
  return WeightPackCache::total_bytes();
}

WeightPackCache::~WeightPackCache() {
  for (const Entry& entry : entries_) total_bytes_ -= std::int64_t(entry.buffer->bytes());
}

WeightPackCache::Packed WeightPackCache::find(const void* source, int format, std::size_t bytes, std::uint64_t version,
                                              const std::function<void(char*)>& pack) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    if (entry.source != source || entry.format != format) continue;
    entry.last_use = ++clock_;
    if (entry.version != version) pack(entry.buffer->data());
    entry.version = version;
    return entry.buffer;
  }
  if (entries_.size() == kMaxForms) {
    const auto oldest = std::min_element(entries_.begin(), entries_.end(),
                                         [](const Entry& a, const Entry& b) { return a.last_use < b.last_use; });
    total_bytes_ -= std::int64_t(oldest->buffer->bytes());
    entries_.erase(oldest);
  }
  auto buffer = std::make_shared<AlignedBuffer>();
  pack(buffer->reserve(bytes));
  entries_.push_back({source, format, version, ++clock_, buffer});
  total_bytes_ += std::int64_t(buffer->bytes());
  return buffer;
}

}  // namespace engram::kernels
