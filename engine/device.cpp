#include "engine/device.h"

#include "kernels/common/error.h"

namespace engram {

std::string to_string(const Device&) {
  return "cpu";
}

Device parse_device(const std::string& text) {
  if (text == "cpu" || text == "auto") return Device{};
  throw DeviceError(message("[device] expected cpu or auto, got '", text, "': this build has no other back end"));
}

const kernels::Backend& backend(const Device&) {
  return kernels::cpu_backend();
}

kernels::Stream current_stream(const Device&) {
  return {};
}

}  // namespace engram
