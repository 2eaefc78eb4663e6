#pragma once
/// A reference-counted block of memory behind one or more tensors.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "engine/device.h"

namespace engram {

namespace kernels {
class WeightPackCache;
}

/// Memory of one device, owned. Shared by a tensor and its views. Threads that read one need no care; who writes keeps
/// all others away from it.
class Storage {
 public:
  /// Throws OutOfMemory.
  Storage(std::size_t bytes, Device device);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  const Device& device() const { return device_; }

  /// Counts in-place changes. A tensor saved for a backward pass must not have changed since; packed weights of another
  /// version are packed anew.
  std::uint64_t version() const { return version_; }
  void bump_version() { ++version_; }

  /// Packed forms of a convolution weight kept with it, filled by the convolution kernels; `make` makes the empty cache
  /// at the first call.
  kernels::WeightPackCache* weight_packs(std::shared_ptr<kernels::WeightPackCache> (*make)());
  /// A convolution weight in channels-last order, for back ends that take it so: the copy of `source` that is kept, or
  /// else the one that `make` makes, which is kept. On a device with streams the copy is made on the calling thread's:
  /// threads that share frozen weights there let one make a first pass, and wait for it.
  std::shared_ptr<Storage> channels_last_copy(const void* source,
                                              const std::function<std::shared_ptr<Storage>()>& make);

 private:
  /// A copy of this storage's content in another order, kept as long as the content stays the same.
  struct OrderedCopy {
    std::shared_ptr<Storage> storage;
    const void* source = nullptr;  ///< first element of the tensor that was copied
    std::uint64_t version = 0;     ///< of this storage at the time
  };

  void* data_;
  std::size_t bytes_;
  Device device_;
  std::uint64_t version_ = 0;
  std::mutex copies_mutex_;  ///< copies are made by whichever of the reading threads comes first
  std::shared_ptr<kernels::WeightPackCache> weight_packs_;
  OrderedCopy channels_last_copy_;
};

}  // namespace engram
