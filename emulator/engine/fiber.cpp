#include "emulator/engine/fiber.h"

#include <sys/mman.h>

#include <atomic>
#include <new>

#include "emulator/engine/asan.h"

#if !EMU_UCONTEXT
extern "C" void emu_switch_stacks(void** save, void* load);
// Saves the callee-saved registers and the stack pointer, loads the other ones. It leaves by an indirect jump: the
// return predictor would always be wrong about a ret.
asm(R"(
.text
.globl emu_switch_stacks
.hidden emu_switch_stacks
.type emu_switch_stacks,@function
emu_switch_stacks:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp,(%rdi)
  mov %rsi,%rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  pop %rcx
  jmp *%rcx
.size emu_switch_stacks,.-emu_switch_stacks
)");
#endif

namespace emu {
namespace {

constexpr std::size_t kStackBytes = (EMU_WITH_ASAN ? 256 : 64) << 10;
constexpr std::size_t kGuardBytes = 4096;

// Start of the stack relative to its end. Without these shifts the hot lines of all stacks would share a few cache
// sets.
std::size_t next_colour() {
  static std::atomic<std::size_t> serial{0};
  return serial++ * 704 % 16384;
}

}  // namespace

Fiber::Fiber(void (*main)()) : main_(main), bytes_(kStackBytes), colour_(next_colour()) {
  void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  stack_ = static_cast<char*>(memory);
  mprotect(stack_, kGuardBytes, PROT_NONE);  // an overflow is a fault, not a corruption
  reset();
}

Fiber::~Fiber() {
  EMU_ASAN(__asan_unpoison_memory_region(stack_ + kGuardBytes, bytes_ - kGuardBytes);)
  munmap(stack_, bytes_);
}

void Fiber::reset() {
  EMU_ASAN(__asan_unpoison_memory_region(stack_ + kGuardBytes, bytes_ - kGuardBytes); fake_stack_ = nullptr;)
#if EMU_UCONTEXT
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_ + kGuardBytes;
  context_.uc_stack.ss_size = bytes_ - kGuardBytes - colour_ / 16 * 16;
  context_.uc_link = nullptr;
  makecontext(&context_, main_, 0);
#else
  // The ABI wants the stack pointer at 8 modulo 16 on entry of a function: one word below the top.
  auto** top = reinterpret_cast<void**>(stack_ + bytes_ - colour_) - 1;
  *--top = reinterpret_cast<void*>(main_);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  stack_pointer_ = top;
#endif
}

void Fiber::enter(SchedulerContext& from) {
  EMU_ASAN(__sanitizer_start_switch_fiber(&from.fake_stack, stack_, bytes_);)
#if EMU_UCONTEXT
  swapcontext(&from.context, &context_);
#else
  emu_switch_stacks(&from.stack_pointer, stack_pointer_);
#endif
  EMU_ASAN(__sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);)
}

void Fiber::leave(SchedulerContext& to) {
  EMU_ASAN(__sanitizer_start_switch_fiber(&fake_stack_, to.stack_bottom, to.stack_bytes);)
#if EMU_UCONTEXT
  swapcontext(&context_, &to.context);
#else
  emu_switch_stacks(&stack_pointer_, to.stack_pointer);
#endif
  EMU_ASAN(__sanitizer_finish_switch_fiber(fake_stack_, &to.stack_bottom, &to.stack_bytes);)
}

void Fiber::started([[maybe_unused]] SchedulerContext& from) {
  EMU_ASAN(__sanitizer_finish_switch_fiber(nullptr, &from.stack_bottom, &from.stack_bytes);)
}

}  // namespace emu
