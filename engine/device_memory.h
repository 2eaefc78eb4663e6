#pragma once
/// Copies between host and device memory. On the CPU they are plain copies.
///
/// Copies to and from other devices pass through page-locked staging memory of the device (two parts of kStagingBytes),
/// so that they run beside the host and host memory needs no preparation.
/// Threads: any may copy; checks that were put off belong to the thread that put them off.
#include <cstddef>
#include <vector>

#include "engine/tensor.h"

namespace engram {

inline constexpr std::size_t kStagingBytes = 4 << 20;

/// Queues a copy of host memory on the current stream. The source may change or go as soon as this returns.
void copy_to_device(const Device& device, void* target, const void* source, std::size_t bytes);
/// Copies to host memory and waits for it.
void copy_to_host(const Device& device, void* target, const void* source, std::size_t bytes);
/// Queues a copy within the device.
void copy_on_device(const Device& device, void* target, const void* source, std::size_t bytes);

/// The values of one-element f32 tensors of one device, with one wait for all of them.
std::vector<float> items(const std::vector<Tensor>& scalars);

/// Something to look at once the device's queued work has run: `i32` must be 0, or `fail(value)` throws. It is looked
/// at in the next call that waits for the device (Tensor::item, to_vector, ...); on the CPU at once. Checks made while
/// work is captured in a graph are dropped: the values of a replay are not those of a capture.
void check_later(const Tensor& i32, void (*fail)(const char* op, dim_t bound, dim_t count, std::int32_t value),
                 const char* op, dim_t bound, dim_t count);

/// Drops what is pending on this thread, after an error: the work that it belongs to is given up.
void forget_checks();

/// Makes calls of check_later on this thread drop their checks while it lives.
class DropChecksGuard {
 public:
  DropChecksGuard();
  ~DropChecksGuard();
  DropChecksGuard(const DropChecksGuard&) = delete;
};

}  // namespace engram
