#include "engine/captured_work.h"

#include <optional>

#include "engine/allocator.h"
#include "engine/backend.h"
#include "engine/device_memory.h"
#include "kernels/common/error.h"

namespace engram {
namespace {

constexpr int kIssuedFirst = 2;

/// Allocations on the device go to a pool while it lives.
class PoolGuard {
 public:
  PoolGuard(CachingAllocator& allocator, std::int64_t pool) : allocator_(allocator) { allocator.resume_pool(pool); }
  ~PoolGuard() { allocator_.end_pool(); }
  PoolGuard(const PoolGuard&) = delete;

 private:
  CachingAllocator& allocator_;
};

}  // namespace

CapturedWork::CapturedWork(const Device& device) : device_(device) {
  if (device.is_cpu()) throw UsageError("[captured_work] expected a device that can capture, got cpu");
}

CapturedWork::~CapturedWork() {
  if (graph_.handle) device_api(device_).destroy_graph(graph_);
  if (pool_) CachingAllocator::of(device_).release_pool(pool_);
}

void CapturedWork::run(const std::function<void()>& work) {
  CachingAllocator& allocator = CachingAllocator::of(device_);
  if (issued_ < kIssuedFirst) {
    if (!pool_) pool_ = allocator.begin_pool();
    const PoolGuard pool(allocator, pool_);
    // The last of them takes the same memory as the captured one will, whose checks of values are left out.
    std::optional<DropChecksGuard> no_checks;
    if (issued_ + 1 == kIssuedFirst) no_checks.emplace();
    work();
    ++issued_;
    return;
  }
  if (!graph_.handle) capture(work);
  device_api(device_).launch_graph(graph_, current_stream(device_));
}

void CapturedWork::capture(const std::function<void()>& work) {
  const PoolGuard pool(CachingAllocator::of(device_), pool_);
  const DropChecksGuard no_checks;
  const kernels::DeviceApi& api = device_api(device_);
  const kernels::Stream stream = current_stream(device_);
  api.begin_capture(stream);
  try {
    work();
  } catch (...) {
    try {
      api.destroy_graph(api.end_capture(stream));
    } catch (const DeviceError&) {  // broken by the error that is on its way
    }
    throw;
  }
  graph_ = api.end_capture(stream);
}

std::size_t CapturedWork::num_nodes() const {
  return graph_.handle ? device_api(device_).num_graph_nodes(graph_) : 0;
}

}  // namespace engram
