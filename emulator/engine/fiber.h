#pragma once
/// Stacks with a saved machine state: one runs each CUDA thread until it waits.

#include <cstddef>

#if !defined(__x86_64__) || defined(EMU_USE_UCONTEXT)
#define EMU_UCONTEXT 1
#include <ucontext.h>
#else
#define EMU_UCONTEXT 0
#endif

namespace emu {

/// Where control returns to when a fiber pauses: the scheduler's own state.
struct SchedulerContext {
#if EMU_UCONTEXT
  ucontext_t context;
#else
  void* stack_pointer = nullptr;
#endif
  // Of the address sanitizer.
  void* fake_stack = nullptr;
  const void* stack_bottom = nullptr;
  std::size_t stack_bytes = 0;
};

/// A stack. It is entered at `main`, which never returns.
class Fiber {
 public:
  explicit Fiber(void (*main)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Forgets the state; the next enter() starts `main` anew.
  void reset();
  /// Runs the fiber until it calls leave().
  void enter(SchedulerContext& from);
  /// Called on the fiber: back to the scheduler, until the next enter().
  void leave(SchedulerContext& to);
  /// First statement of `main`.
  static void started(SchedulerContext& from);

  /// The memory of the stack.
  const char* begin() const { return stack_; }
  const char* end() const { return stack_ + bytes_; }

 private:
  void (*main_)();
  char* stack_;
  std::size_t bytes_;
  std::size_t colour_;
#if EMU_UCONTEXT
  ucontext_t context_;
#else
  void* stack_pointer_ = nullptr;
#endif
  void* fake_stack_ = nullptr;
};

}  // namespace emu
