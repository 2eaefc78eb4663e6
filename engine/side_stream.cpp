#include "engine/side_stream.h"

#include <exception>

#include "engine/backend.h"

namespace engram {

SideStream::~SideStream() {
  if (!stream_.handle) return;
  try {
    const kernels::DeviceApi& api = device_api(device_);
    api.synchronize_stream(stream_);
    for (const kernels::Event event : {begin_, end_})
      if (event.handle) api.destroy_event(event);
    api.destroy_stream(stream_);
  } catch (const std::exception&) {  // the device has failed, and says so in the next call; what is left goes with it
  }
}

void SideStream::make() {
  const kernels::DeviceApi& api = device_api(device_);
  stream_ = api.create_stream();
  begin_ = api.create_event(false);
  end_ = api.create_event(false);
}

void SideStream::run(const std::function<void()>& work) {
  if (device_.is_cpu()) {
    work();
    return;
  }
  if (!end_.handle) make();
  const kernels::DeviceApi& api = device_api(device_);
  api.record_event(begin_, current_stream(device_));
  api.wait_event(stream_, begin_);
  running_ = true;
  const StreamGuard guard(device_, stream_);
  work();
}

void SideStream::join() {
  if (!running_) return;
  const kernels::DeviceApi& api = device_api(device_);
  api.record_event(end_, stream_);
  api.wait_event(current_stream(device_), end_);
  running_ = false;
}

}  // namespace engram
