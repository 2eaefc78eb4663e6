#include "apps/common/main_wrapper.h"

#include <cstdio>
#include <filesystem>
#include <new>
#include <system_error>

#include "apps/common/exit_code.h"
#include "apps/common/signals.h"
#include "kernels/common/error.h"

namespace engram::apps {

int exit_code_for(const std::exception& error) {
  const auto is = [&error]<class E>(const E*) { return dynamic_cast<const E*>(&error) != nullptr; };
  if (is(static_cast<const UsageError*>(nullptr))) return kExitUsage;
  if (is(static_cast<const DataError*>(nullptr)) || is(static_cast<const IoError*>(nullptr)) ||
      is(static_cast<const ShapeError*>(nullptr)) || is(static_cast<const DTypeError*>(nullptr)) ||
      is(static_cast<const std::filesystem::filesystem_error*>(nullptr))) {
    return kExitData;
  }
  if (is(static_cast<const DeviceError*>(nullptr)) || is(static_cast<const OutOfMemory*>(nullptr)) ||
      is(static_cast<const std::bad_alloc*>(nullptr))) {
    return kExitDevice;
  }
  // A thread that could not start.
  const auto* const system = dynamic_cast<const std::system_error*>(&error);
  if (system && system->code() == std::errc::resource_unavailable_try_again) return kExitDevice;
  return kExitFailure;
}

std::string one_line(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\n' || c == '\r' || c == '\t') {
      out += ' ';
    } else {
      out += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

int run_main(const std::string& program, const std::function<int()>& body) {
  install_signal_handlers();
  try {
    return body();
  } catch (const std::bad_alloc& error) {
    std::fprintf(stderr, "%s: expected enough memory, got none more\n", program.c_str());
    return exit_code_for(error);
  } catch (const std::exception& error) {
    const int code = exit_code_for(error);
    const std::string text = one_line(error.what());
    std::fprintf(stderr, "%s: %s%s\n", program.c_str(), code == kExitFailure ? "internal error: " : "", text.c_str());
    return code;
  }
}

}  // namespace engram::apps
