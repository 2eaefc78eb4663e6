#include "engine/storage.h"

#include "engine/allocator.h"

namespace engram {

Storage::Storage(std::size_t bytes, Device device)
    : data_(CachingAllocator::of(device).allocate(bytes)), bytes_(bytes), device_(device) {}

Storage::~Storage() {
  CachingAllocator::of(device_).deallocate(data_);
}

}  // namespace engram
