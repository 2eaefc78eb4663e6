#include "engine/device_memory.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "engine/backend.h"

namespace engram {
namespace {

using kernels::CopyKind;

/// Page-locked memory in two parts that take turns: one is filled, copy by copy, while those of the other run. So small
/// copies to a device wait for it once a part, not once a copy.
class Staging {
 public:
  explicit Staging(const Device& device) : api_(device_api(device)), device_(device) {
    for (Part& part : parts_) {
      part.memory = static_cast<char*>(api_.allocate_pinned(kStagingBytes));
      if (!part.memory)
        throw OutOfMemory(message("[copy] expected ", kStagingBytes, " bytes of page-locked memory for ",
                                  to_string(device_), ", got none"));
      part.copied = api_.create_event(false);
    }
  }

  void to_device(char* target, const char* source, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const kernels::Stream stream = current_stream(device_);
    for (std::size_t begin = 0; begin < bytes; begin += kStagingBytes) {
      const std::size_t count = std::min(kStagingBytes, bytes - begin);
      Part& part = part_with(count, stream);
      char* const memory = part.memory + part.used;
      part.used += (count + kAlignment - 1) / kAlignment * kAlignment;
      std::memcpy(memory, source + begin, count);
      api_.copy(stream, target + begin, memory, count, CopyKind::kHostToDevice);
      api_.record_event(part.copied, stream);
    }
  }

  void to_host(char* target, const char* source, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const kernels::Stream stream = current_stream(device_);
    for (std::size_t begin = 0; begin < bytes; begin += kStagingBytes) {
      const std::size_t count = std::min(kStagingBytes, bytes - begin);
      Part& part = part_with(count, stream);
      char* const memory = part.memory + part.used;
      api_.copy(stream, memory, source + begin, count, CopyKind::kDeviceToHost);
      api_.synchronize_stream(stream);
      std::memcpy(target + begin, memory, count);
      part.used = 0;  // all copies of the part have run
    }
  }

  /// The values of scalars at device addresses.
  void gather(const std::vector<const void*>& sources, float* target) {
    const std::lock_guard lock(mutex_);
    const kernels::Stream stream = current_stream(device_);
    constexpr std::size_t kMost = kStagingBytes / sizeof(float);
    for (std::size_t begin = 0; begin < sources.size(); begin += kMost) {
      const std::size_t count = std::min(kMost, sources.size() - begin);
      Part& part = part_with(count * sizeof(float), stream);
      char* const memory = part.memory + part.used;
      for (std::size_t i = 0; i < count; ++i)
        api_.copy(stream, memory + i * sizeof(float), sources[begin + i], sizeof(float), CopyKind::kDeviceToHost);
      api_.synchronize_stream(stream);
      std::memcpy(target + begin, memory, count * sizeof(float));
      part.used = 0;
    }
  }

 private:
  static constexpr std::size_t kAlignment = 64;

  struct Part {
    char* memory = nullptr;
    std::size_t used = 0;    // by copies that may not have run yet
    kernels::Stream stream;  // on which they were queued: the event stands for one stream
    kernels::Event copied;
  };

  /// The part being filled if it has room for copies of this stream; else the other, once its last copy has run.
  Part& part_with(std::size_t bytes, kernels::Stream stream) {
    if (parts_[0].used + bytes <= kStagingBytes && (parts_[0].used == 0 || parts_[0].stream.handle == stream.handle)) {
      parts_[0].stream = stream;
      return parts_[0];
    }
    std::swap(parts_[0], parts_[1]);
    api_.synchronize_event(parts_[0].copied);
    parts_[0].used = 0;
    parts_[0].stream = stream;
    return parts_[0];
  }

  std::mutex mutex_;
  const kernels::DeviceApi& api_;
  const Device device_;
  Part parts_[2];
};

/// Never destroyed, as the allocators.
Staging& staging(const Device& device) {
  static std::mutex mutex;
  static auto& all = *new std::map<std::pair<DeviceType, int>, Staging*>;
  const std::lock_guard lock(mutex);
  Staging*& one = all[{device.type, device.index}];
  if (!one) one = new Staging(device);
  return *one;
}

struct Check {
  Tensor value;
  void (*fail)(const char*, dim_t, dim_t, std::int32_t);
  const char* op;
  dim_t bound, count;
};
thread_local std::vector<Check> pending_checks;
thread_local int dropping = 0;

/// Looks at the checks whose values have been made: everything queued on the device has run.
void run_checks(const Device& device) {
  if (pending_checks.empty()) return;
  const std::vector<Check> checks = std::exchange(pending_checks, {});
  for (const Check& check : checks) {
    if (!(check.value.device() == device)) {
      pending_checks.push_back(check);
      continue;
    }
    std::int32_t value = 0;
    staging(device).to_host(reinterpret_cast<char*>(&value), static_cast<const char*>(check.value.raw_data()),
                            sizeof value);
    if (value != 0) check.fail(check.op, check.bound, check.count, value);
  }
}

}  // namespace

void copy_to_device(const Device& device, void* target, const void* source, std::size_t bytes) {
  if (bytes == 0) return;
  if (device.is_cpu())
    std::memcpy(target, source, bytes);
  else
    staging(device).to_device(static_cast<char*>(target), static_cast<const char*>(source), bytes);
}

void copy_to_host(const Device& device, void* target, const void* source, std::size_t bytes) {
  if (bytes == 0) return;
  if (device.is_cpu()) {
    std::memcpy(target, source, bytes);
    return;
  }
  staging(device).to_host(static_cast<char*>(target), static_cast<const char*>(source), bytes);
  run_checks(device);
}

void copy_on_device(const Device& device, void* target, const void* source, std::size_t bytes) {
  if (bytes == 0) return;
  if (device.is_cpu())
    std::memcpy(target, source, bytes);
  else
    device_api(device).copy(current_stream(device), target, source, bytes, CopyKind::kDeviceToDevice);
}

std::vector<float> items(const std::vector<Tensor>& scalars) {
  std::vector<float> values(scalars.size());
  std::vector<const void*> addresses;
  for (const Tensor& scalar : scalars) {
    check_one_device("items", {scalars[0], scalar});
    if (scalar.numel() != 1) throw ShapeError(message("[items] expected one element, got ", scalar.describe()));
    addresses.push_back(scalar.data<float>());
  }
  if (scalars.empty()) return values;
  const Device device = scalars[0].device();
  if (device.is_cpu()) {
    for (std::size_t i = 0; i < scalars.size(); ++i) values[i] = scalars[i].data<float>()[0];
  } else {
    staging(device).gather(addresses, values.data());
    run_checks(device);
  }
  return values;
}

void check_later(const Tensor& i32, void (*fail)(const char*, dim_t, dim_t, std::int32_t), const char* op, dim_t bound,
                 dim_t count) {
  if (i32.device().is_cpu()) {
    const std::int32_t value = *i32.data<std::int32_t>();
    if (value != 0) fail(op, bound, count, value);
  } else if (dropping == 0) {
    pending_checks.push_back({i32, fail, op, bound, count});
  }
}

void forget_checks() {
  pending_checks.clear();
}

DropChecksGuard::DropChecksGuard() {
  ++dropping;
}
DropChecksGuard::~DropChecksGuard() {
  --dropping;
}

}  // namespace engram
