/// Memory of devices and page-locked memory of the host, and copies.

#include <cstdlib>
#include <cstring>

#include "emulator/emulator.h"
#include "emulator/runtime/state.h"

using emu::Access;
using emu::runtime;
using emu::Runtime;
using emu::Work;

namespace {

cudaError_t allocate_device(void** p, std::size_t bytes) {
  Runtime& r = runtime();
  if (!p) return cudaErrorInvalidValue;
  *p = nullptr;
  if (bytes == 0) return cudaSuccess;
  const std::size_t device = std::size_t(emu::thread_state().device);
  if (bytes > r.options.memory_bytes || r.device_bytes[device] > r.options.memory_bytes - bytes)
    return cudaErrorMemoryAllocation;
  void* const memory = emu::allocate(bytes);
  if (!memory) return cudaErrorMemoryAllocation;
  const char* const begin = static_cast<const char*>(memory);
  r.allocations[begin] = {bytes, int(device), false, false, {}};
  r.device_bytes[device] += bytes;
  auto dead = r.freed.lower_bound(begin);
  if (dead != r.freed.begin() && std::prev(dead)->first + std::prev(dead)->second > begin) --dead;
  while (dead != r.freed.end() && dead->first < begin + bytes) dead = r.freed.erase(dead);
  *p = memory;
  return cudaSuccess;
}

void release_device(const char* begin) {
  Runtime& r = runtime();
  const auto it = r.allocations.find(begin);
  r.device_bytes[std::size_t(it->second.device)] -= it->second.bytes;
  r.freed[begin] = it->second.bytes;
  r.allocations.erase(it);
  emu::release(const_cast<char*>(begin));
}

cudaError_t allocate_pinned(void** p, std::size_t bytes) {
  if (!p) return cudaErrorInvalidValue;
  *p = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (posix_memalign(p, 4096, bytes) != 0) return cudaErrorMemoryAllocation;
  std::memset(*p, 0xff, bytes);
  runtime().allocations[static_cast<const char*>(*p)] = {bytes, -1, true, false, {}};
  return cudaSuccess;
}

enum class Side { kDevice, kPinned, kPageable };

Side side_of(const void* p) {
  Runtime& r = runtime();
  const auto it = r.find(p);
  if (it == r.allocations.end()) return Side::kPageable;
  return it->second.pinned ? Side::kPinned : Side::kDevice;
}

/// Whether a range lies within its allocation.
bool in_bounds(const void* p, std::size_t bytes) {
  Runtime& r = runtime();
  const auto it = r.find(p);
  return it == r.allocations.end() || static_cast<const char*>(p) + bytes <= it->first + it->second.bytes;
}

bool kind_fits(cudaMemcpyKind kind, Side to, Side from) {
  if (kind == cudaMemcpyDefault) return true;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  return (to == Side::kDevice) == to_device && (from == Side::kDevice) == from_device;
}

cudaError_t check_copy(const char* name, const void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (!kind_fits(kind, side_of(to), side_of(from))) {
    runtime().report(std::string("Program hit cudaErrorInvalidValue on CUDA API call to ") + name,
                     {"the pointers are not on the sides that the kind names"});
    return cudaErrorInvalidValue;
  }
  if (!in_bounds(to, bytes) || !in_bounds(from, bytes)) {
    runtime().report(std::string("Program hit cudaErrorInvalidValue on CUDA API call to ") + name,
                     {"the copy of " + std::to_string(bytes) + " bytes ends beyond its allocation"});
    return cudaErrorInvalidValue;
  }
  return cudaSuccess;
}

/// A copy on a stream. Pageable sources are read now, as the real runtime stages them; pageable targets make the call
/// wait.
cudaError_t copy_on(const char* name, CUstream_st* stream, void* to, const void* from, std::size_t bytes,
                    cudaMemcpyKind kind) {
  Runtime& r = runtime();
  if (bytes == 0) return cudaSuccess;
  if (const cudaError_t error = check_copy(name, to, from, bytes, kind); error != cudaSuccess) return error;
  const Side target = side_of(to), source = side_of(from);
  if (stream->capture && (target == Side::kPageable || source == Side::kPageable)) {
    stream->capture->broken = true;
    r.report("Pageable host memory in a captured copy",
             {"its content or place at a replay is not what the capture saw"});
    return cudaErrorStreamCaptureUnsupported;
  }
  Work work{name, {}, {}, {}, {}};
  if (target != Side::kPageable) work.accesses.push_back({static_cast<const char*>(to), bytes, true});
  if (source != Side::kPageable) work.accesses.push_back({static_cast<const char*>(from), bytes, false});
  if (source == Side::kPageable) {
    auto staged =
        std::make_shared<std::vector<char>>(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
    work.run = [to, staged] {
      emu::copy(to, staged->data(), staged->size());
      return cudaSuccess;
    };
  } else {
    work.run = [to, from, bytes] {
      emu::copy(to, from, bytes);
      return cudaSuccess;
    };
  }
  const cudaError_t error = r.queue(stream, std::move(work));
  if (error == cudaSuccess && target == Side::kPageable) r.wait_for(stream);
  return error == cudaSuccess ? r.sticky : error;
}

cudaError_t fill_on(const char* name, CUstream_st* stream, void* to, int value, std::size_t bytes) {
  Runtime& r = runtime();
  if (bytes == 0) return cudaSuccess;
  if (side_of(to) != Side::kDevice || !in_bounds(to, bytes)) return cudaErrorInvalidValue;
  Work work{name, {{static_cast<const char*>(to), bytes, true}}, {}, {}, {}};
  work.run = [to, value, bytes] {
    emu::fill(to, value, bytes);
    return cudaSuccess;
  };
  return r.queue(stream, std::move(work));
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** p, std::size_t bytes) {
  return runtime().call("cudaMalloc", emu::kAllocates | emu::kNotInCapture, [&] { return allocate_device(p, bytes); });
}

cudaError_t cudaFree(void* p) {
  return runtime().call("cudaFree", emu::kNotInCapture, [&] {
    Runtime& r = runtime();
    if (!p) return cudaSuccess;
    const auto it = r.allocations.find(static_cast<const char*>(p));
    if (it == r.allocations.end() || it->second.pinned || it->second.released) {
      r.report("Program hit cudaErrorInvalidValue on CUDA API call to cudaFree",
               {"not the begin of a live allocation"});
      return cudaErrorInvalidValue;
    }
    r.drain(it->second.device);
    release_device(it->first);
    return r.sticky;
  });
}

cudaError_t cudaMallocAsync(void** p, std::size_t bytes, cudaStream_t handle) {
  return runtime().call("cudaMallocAsync", emu::kAllocates, [&] {
    CUstream_st* const stream = runtime().resolve(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    const cudaError_t error = allocate_device(p, bytes);
    if (error != cudaSuccess || bytes == 0) return error;
    // Only work behind this point of this stream may use the memory.
    return runtime().queue(stream, {"cudaMallocAsync", {{static_cast<const char*>(*p), bytes, true}}, {}, {}, {}});
  });
}

cudaError_t cudaFreeAsync(void* p, cudaStream_t handle) {
  return runtime().call("cudaFreeAsync", emu::kPlain, [&] {
    Runtime& r = runtime();
    CUstream_st* const stream = r.resolve(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (!p) return cudaSuccess;
    const auto it = r.allocations.find(static_cast<const char*>(p));
    if (it == r.allocations.end() || it->second.pinned || it->second.released) return cudaErrorInvalidValue;
    Work work{"cudaFreeAsync", {{it->first, it->second.bytes, true}}, {}, {}, {}};
    work.run = [begin = it->first] {
      release_device(begin);
      return cudaSuccess;
    };
    it->second.released = true;
    return r.queue(stream, std::move(work));
  });
}

cudaError_t cudaMallocHost(void** p, std::size_t bytes) {
  return runtime().call("cudaMallocHost", emu::kAllocates | emu::kNotInCapture,
                        [&] { return allocate_pinned(p, bytes); });
}

cudaError_t cudaHostAlloc(void** p, std::size_t bytes, unsigned) {
  return runtime().call("cudaHostAlloc", emu::kAllocates | emu::kNotInCapture,
                        [&] { return allocate_pinned(p, bytes); });
}

cudaError_t cudaFreeHost(void* p) {
  return runtime().call("cudaFreeHost", emu::kNotInCapture, [&] {
    Runtime& r = runtime();
    if (!p) return cudaSuccess;
    const auto it = r.allocations.find(static_cast<const char*>(p));
    if (it == r.allocations.end() || !it->second.pinned) return cudaErrorInvalidValue;
    for (int device = 0; device < r.options.devices; ++device) r.drain(device);
    r.allocations.erase(it);
    std::free(p);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return runtime().call("cudaMemcpy", emu::kNotInCapture, [&] {
    CUstream_st* const stream = runtime().resolve(nullptr);
    const cudaError_t error = copy_on("cudaMemcpy", stream, to, from, bytes, kind);
    if (error == cudaSuccess) runtime().wait_for(stream);
    return error == cudaSuccess ? runtime().sticky : error;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t handle) {
  return runtime().call("cudaMemcpyAsync", emu::kPlain, [&] {
    CUstream_st* const stream = runtime().resolve(handle);
    return stream ? copy_on("cudaMemcpyAsync", stream, to, from, bytes, kind) : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  return runtime().call("cudaMemset", emu::kNotInCapture,
                        [&] { return fill_on("cudaMemset", runtime().resolve(nullptr), to, value, bytes); });
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t handle) {
  return runtime().call("cudaMemsetAsync", emu::kPlain, [&] {
    CUstream_st* const stream = runtime().resolve(handle);
    return stream ? fill_on("cudaMemsetAsync", stream, to, value, bytes) : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  return runtime().call("cudaMemGetInfo", emu::kPlain, [&] {
    Runtime& r = runtime();
    if (!free_bytes || !total_bytes) return cudaErrorInvalidValue;
    *total_bytes = r.options.memory_bytes;
    *free_bytes = r.options.memory_bytes - r.device_bytes[std::size_t(emu::thread_state().device)];
    return cudaSuccess;
  });
}

}  // extern "C"
