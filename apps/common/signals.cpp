#include "apps/common/signals.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

namespace engram::apps {
namespace {

std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "the flag is set in a signal handler");

constexpr int kStopSignals[] = {SIGINT, SIGTERM, SIGHUP};

// Only async-signal-safe calls in here. A second SIGINT or SIGTERM meets the default action; a closed terminal may send
// SIGHUP several times and means one thing.
extern "C" void on_signal(int) {
  const int saved = errno;
  g_stop.store(true, std::memory_order_relaxed);
  for (const int signal : kStopSignals) ::signal(signal, signal == SIGHUP ? SIG_IGN : SIG_DFL);
  constexpr char kText[] = "\nstopping after this step; once more to stop at once\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText, sizeof kText - 1);
  errno = saved;
}

/// Handlers run on memory of their own: oneDNN's matrix products keep data below the stack pointer of the thread that
/// a signal interrupts.
void use_own_signal_stack() {
  static char memory[1 << 16];
  stack_t stack{};
  stack.ss_sp = memory;
  stack.ss_size = sizeof memory;
  sigaltstack(&stack, nullptr);
}

}  // namespace

void install_signal_handlers() {
  use_own_signal_stack();
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART | SA_ONSTACK;  // file reads and writes go on
  for (const int signal : kStopSignals) {
    struct sigaction old {};
    sigaction(signal, nullptr, &old);
    if (signal == SIGHUP && old.sa_handler == SIG_IGN) continue;
    sigaction(signal, &action, nullptr);
  }
  ::signal(SIGXFSZ, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
}

bool stop_requested() {
  return g_stop.load(std::memory_order_relaxed);
}

void clear_stop_request() {
  g_stop.store(false, std::memory_order_relaxed);
  install_signal_handlers();
}

}  // namespace engram::apps
