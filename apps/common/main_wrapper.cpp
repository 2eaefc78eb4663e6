#include "apps/common/main_wrapper.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <string_view>
#include <system_error>

#include "apps/common/descriptors.h"
#include "apps/common/exit_code.h"
#include "apps/common/signals.h"
#include "engine/io/live_temporaries.h"
#include "engine/stop_scope.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

template <class... Classes>
bool is_one_of(const std::exception& error) {
  return ((dynamic_cast<const Classes*>(&error) != nullptr) || ...);
}

bool is_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && !(term && std::string_view(term) == "dumb");
}

}  // namespace

int exit_code_for(const std::exception& error) {
  if (is_one_of<Stopped>(error)) return kExitInterrupted;
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

namespace {

/// What an exception says; what those of std::filesystem say names the library's functions.
std::string text_of(const std::exception& error) {
  const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error);
  if (!file) return error.what();
  std::string paths = file->path1().string();
  if (!file->path2().empty()) paths += " as " + file->path2().string();
  return message("[file] cannot use ", paths, ": ", file->code().message());
}

constexpr char kNoMemory[] = ": expected enough memory, got none more\n";

/// Runs `body`; what it throws becomes a line on `err` and an exit code. Where memory ends, the words are there
/// already.
template <class Body>
int guarded(const char* name, std::ostream& err, const Body& body) noexcept {
  try {
    try {
      return body();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      const int code = exit_code_for(error);
      const std::string text = one_line(text_of(error));
      err << name << ": " << (code == kExitFailure ? "internal error: " : "") << text << std::endl;
      return code;
    }
  } catch (const std::bad_alloc&) {
    err << name << kNoMemory << std::flush;
    return kExitDevice;
  }
}

const char* g_name = "engram";
thread_local bool t_no_memory = false;

[[noreturn]] void on_no_memory() {
  t_no_memory = true;
  throw std::bad_alloc();
}

/// Whether a lack of memory is what ends the process. An exception that would leave a function that must not throw (the
/// standard library's iterators of folders have some) was never caught, so that nobody can ask for its class.
bool is_lack_of_memory() {
  const std::exception_ptr current = std::current_exception();
  if (!current) return t_no_memory;
  try {
    std::rethrow_exception(current);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (...) {
    return false;
  }
}

/// Some destructors allocate (those of JSON values), and so may threads that nobody waits for; a lack of memory there
/// cannot be caught. What a killed process would leave is left then, but no temporary file.
[[noreturn]] void on_terminate() {
  if (is_lack_of_memory()) {
    [[maybe_unused]] auto written = ::write(STDERR_FILENO, g_name, std::strlen(g_name));
    written = ::write(STDERR_FILENO, kNoMemory, sizeof kNoMemory - 1);
    io::unlink_live_temporaries();
    ::_exit(kExitDevice);
  }
  std::abort();  // a mistake in the program: a core file shows it
}

}  // namespace

int run_program(const ProgramFunction& program, Call& call) noexcept {
  return guarded(call.program.c_str(), *call.err, [&] {
    const StopScope scope(call.stop);
    return program(call);
  });
}

int run_main(const char* name, const ProgramFunction& program, int argc, const char* const* argv) {
  g_name = name;
  std::set_terminate(on_terminate);
  std::set_new_handler(on_no_memory);
  secure_descriptors();
  install_signal_handlers();
  const int code = guarded(name, std::cerr, [&] {
    Call call{.program = name,
              .words = argc > 1 ? std::vector<std::string>(argv + 1, argv + argc) : std::vector<std::string>(),
              .out = &std::cout,
              .err = &std::cerr,
              .stop = stop_requested,
              .terminal = is_terminal()};
    const StopScope scope(call.stop);
    return program(call);
  });
  const char* failure = flush_standard_output();
  if (failure == nullptr) return code;
  std::cerr << name << ": write error: " << failure << std::endl;
  return code == kExitOk ? int{kExitData} : code;
}

}  // namespace engram::apps
