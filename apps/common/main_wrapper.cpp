#include "apps/common/main_wrapper.h"

#include <cstdio>
#include <filesystem>
#include <new>
#include <system_error>

#include "apps/common/descriptors.h"
#include "apps/common/exit_code.h"
#include "apps/common/signals.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

template <class... Classes>
bool is_one_of(const std::exception& error) {
  return ((dynamic_cast<const Classes*>(&error) != nullptr) || ...);
}

int run_body(const std::string& program, const std::function<int()>& body) {
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

}  // namespace

int exit_code_for(const std::exception& error) {
  if (is_one_of<UsageError>(error)) return kExitUsage;
  if (is_one_of<DataError, IoError, ShapeError, DTypeError, std::filesystem::filesystem_error>(error)) return kExitData;
  // The standard library throws system_error itself for threads only.
  if (is_one_of<DeviceError, OutOfMemory, std::bad_alloc, std::system_error>(error)) return kExitDevice;
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
  secure_descriptors();
  install_signal_handlers();
  const int code = run_body(program, body);
  const char* failure = flush_standard_output();
  if (failure == nullptr) return code;
  std::fprintf(stderr, "%s: write error: %s\n", program.c_str(), failure);
  return code == kExitOk ? int{kExitData} : code;
}

}  // namespace engram::apps
