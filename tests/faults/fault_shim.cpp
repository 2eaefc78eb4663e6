/// A library for LD_PRELOAD that makes one call of a program fail: an input or output on files below a folder, or an
/// allocation. inject_faults.py runs programs with it.
///
///   ENGRAM_FAULT_ROOT    the folder; only files below it count
///   ENGRAM_FAULT_KIND    count: nothing fails
///                        kill: the process dies by SIGKILL before the call
///                        tear: as kill, but half of what a write() was to write is there
///                        eio: the call fails with EIO, once
///                        enospc: this and every later call that takes space fails with ENOSPC
///                        memory: the allocation fails, once (operator new and aligned allocations). Those of oneDNN
///                        and OpenMP, which crash or abort without memory, are passed over
///   ENGRAM_FAULT_AT      the number of the call, from 1
///   ENGRAM_FAULT_COUNTS  a file that gets "CALLS ALLOCATIONS" at a regular end of the process and, with the kind
///                        count, lines of numbers: of the calls that take space, of those that write, of those that
///                        change something, and of the allocations that were the first from their call stack
///
/// Counting begins with main().

#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>

namespace {

enum class Kind { kNone, kCount, kKill, kTear, kEio, kEnospc, kMemory };

struct Plan {
  Kind kind = Kind::kNone;
  long at = 0;
  char root[PATH_MAX] = "";
  std::size_t root_size = 0;
};

Plan g_plan;
std::atomic<bool> g_armed{false};
std::atomic<long> g_calls{0}, g_allocations{0};
std::array<std::atomic<bool>, 4096> g_watched{};  // descriptors of files below the root

/// What a call does to the file system.
enum class Effect { kLooks, kChanges, kTakesSpace };

Kind kind_of(const char* name) {
  constexpr const char* kNames[] = {"", "count", "kill", "tear", "eio", "enospc", "memory"};
  for (int i = 1; i < 7; ++i)
    if (std::strcmp(name, kNames[i]) == 0) return static_cast<Kind>(i);
  return Kind::kNone;
}

void read_plan() {
  const char *kind = std::getenv("ENGRAM_FAULT_KIND"), *at = std::getenv("ENGRAM_FAULT_AT"),
             *root = std::getenv("ENGRAM_FAULT_ROOT");
  if (kind == nullptr || root == nullptr) return;
  g_plan.kind = kind_of(kind);
  g_plan.at = at == nullptr ? 0 : std::atol(at);
  g_plan.root_size = std::strlen(root);
  std::snprintf(g_plan.root, sizeof g_plan.root, "%s", root);
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool is_watched(const char* path) {
  return g_armed && path != nullptr && std::strncmp(path, g_plan.root, g_plan.root_size) == 0;
}

bool is_watched(int descriptor) {
  return g_armed && descriptor >= 0 && descriptor < int(g_watched.size()) && g_watched[std::size_t(descriptor)];
}

/// Numbers of calls of one kind, in a fixed place.
class Numbers {
 public:
  void add(long number) {
    if (const std::size_t at = size_++; at < numbers_.size()) numbers_[at] = number;
  }
  void write(std::FILE* out) const {
    for (std::size_t i = 0; i < std::min(size_.load(), numbers_.size()); ++i) std::fprintf(out, "%ld ", numbers_[i]);
    std::fprintf(out, "\n");
  }

 private:
  std::atomic<std::size_t> size_{0};
  std::array<long, 1 << 16> numbers_{};
};
Numbers g_taking_space, g_writing, g_changing;

/// Counts a call. Returns whether it is to fail, with errno set, and does not return where the process is to die.
bool fails(Effect effect) {
  const long number = ++g_calls;
  const bool takes_space = effect == Effect::kTakesSpace;
  if (takes_space) g_taking_space.add(number);
  if (effect != Effect::kLooks) g_changing.add(number);
  const bool here = number == g_plan.at;
  switch (g_plan.kind) {
    case Kind::kKill:
    case Kind::kTear:
      if (here) ::raise(SIGKILL);
      return false;
    case Kind::kEio:
      if (here) errno = EIO;
      return here;
    case Kind::kEnospc:
      if (!takes_space || number < g_plan.at) return false;
      errno = ENOSPC;
      return true;
    default:
      return false;
  }
}

void watch(int descriptor, bool watched) {
  if (descriptor >= 0 && descriptor < int(g_watched.size())) g_watched[std::size_t(descriptor)] = watched;
}

/// Effect of an open() with these flags.
Effect effect_of(int flags) {
  if ((flags & O_CREAT) != 0) return Effect::kTakesSpace;
  return (flags & O_TRUNC) != 0 ? Effect::kChanges : Effect::kLooks;
}

int opened(int descriptor) {
  watch(descriptor, true);
  return descriptor;
}

DIR* opened(DIR* folder) {
  if (folder != nullptr) watch(::dirfd(folder), true);
  return folder;
}

/// Whether a path is below the root that is relative to a folder's descriptor, or absolute.
bool is_watched(int folder, const char* path) {
  return is_watched(path) || (path != nullptr && *path != '/' && is_watched(folder));
}

/// Whether the code at an address belongs to a library that does not survive a lack of memory.
bool is_frail(const void* caller) {
  Dl_info info{};
  if (::dladdr(caller, &info) == 0 || info.dli_fname == nullptr) return false;
  return std::strstr(info.dli_fname, "libdnnl") != nullptr || std::strstr(info.dli_fname, "libgomp") != nullptr;
}

/// Which allocations were the first from their call stack: a set of hashes, without memory of its own.
class Stacks {
 public:
  void note(long allocation) {
    static thread_local bool inside = false;  // backtrace() may allocate
    if (inside) return;
    inside = true;
    std::array<void*, 128> frames;
    const int depth = ::backtrace(frames.data(), int(frames.size()));
    std::uint64_t hash = 1469598103934665603u;  // FNV-1a over the addresses
    for (int i = 0; i < depth; ++i)
      hash = (hash ^ reinterpret_cast<std::uintptr_t>(frames[std::size_t(i)])) * 1099511628211u;
    const std::lock_guard<std::mutex> lock(mutex_);
    std::size_t slot = hash % seen_.size();
    while (seen_[slot] != 0 && seen_[slot] != hash) slot = (slot + 1) % seen_.size();
    if (seen_[slot] == 0) first_.add(allocation);
    seen_[slot] = hash;
    inside = false;
  }
  void write(std::FILE* out) const { first_.write(out); }

 private:
  std::mutex mutex_;
  std::array<std::uint64_t, 1 << 18> seen_{};
  Numbers first_;
};
Stacks g_stacks;

int plain_posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  static const auto real = next<int(void**, std::size_t, std::size_t)>("posix_memalign");
  return real(memory, alignment, size);
}

/// Counts an allocation of the caller. Returns whether it is to fail: the first one from number `at` on that may.
bool allocation_fails(const void* caller) {
  if (!g_armed) return false;
  const long number = ++g_allocations;
  if (g_plan.kind == Kind::kCount && !is_frail(caller)) g_stacks.note(number);
  if (number < g_plan.at || g_plan.kind != Kind::kMemory || is_frail(caller)) return false;
  static std::atomic<bool> failed{false};
  return !failed.exchange(true);
}

/// As `new` does without memory; a handler that returned would have found some.
[[noreturn]] void throw_bad_alloc() {
  if (const std::new_handler handler = std::get_new_handler()) handler();
  throw std::bad_alloc();
}

void* allocate(std::size_t size, const void* caller) {
  void* memory = allocation_fails(caller) ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw_bad_alloc();
  return memory;
}

void* allocate_aligned(std::size_t size, std::size_t alignment, const void* caller) {
  if (allocation_fails(caller)) throw_bad_alloc();
  void* memory = nullptr;
  if (plain_posix_memalign(&memory, alignment < sizeof(void*) ? sizeof(void*) : alignment, size) != 0)
    throw_bad_alloc();
  return memory;
}

void write_counts() {
  g_armed = false;
  const char* file = std::getenv("ENGRAM_FAULT_COUNTS");
  if (file == nullptr) return;
  if (std::FILE* out = std::fopen(file, "w")) {
    std::fprintf(out, "%ld %ld\n", g_calls.load(), g_allocations.load());
    g_taking_space.write(out);
    g_writing.write(out);
    g_changing.write(out);
    g_stacks.write(out);
    std::fclose(out);
  }
}

int (*g_main)(int, char**, char**) = nullptr;

int counted_main(int argc, char** argv, char** environment) {
  read_plan();
  g_armed = g_plan.kind != Kind::kNone;
  const int code = g_main(argc, argv, environment);
  write_counts();
  return code;
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size, __builtin_return_address(0));
}
void* operator new[](std::size_t size) {
  return allocate(size, __builtin_return_address(0));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_aligned(size, std::size_t(alignment), __builtin_return_address(0));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate_aligned(size, std::size_t(alignment), __builtin_return_address(0));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

extern "C" {

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*loader_fini)(), void* stack_end) {
  using Start = int(int (*)(int, char**, char**), int, char**, void (*)(), void (*)(), void (*)(), void*);
  g_main = main;
  return next<Start>("__libc_start_main")(counted_main, argc, argv, init, fini, loader_fini, stack_end);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  return allocation_fails(__builtin_return_address(0)) ? ENOMEM : plain_posix_memalign(memory, alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  static const auto real = next<void*(std::size_t, std::size_t)>("aligned_alloc");
  if (!allocation_fails(__builtin_return_address(0))) return real(alignment, size);
  errno = ENOMEM;
  return nullptr;
}

int open(const char* path, int flags, ...) {
  static const auto real = next<int(const char*, int, ...)>("open");
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (!is_watched(path)) return real(path, flags, mode);
  return fails(effect_of(flags)) ? -1 : opened(real(path, flags, mode));
}

int open64(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open(path, flags, mode);
}

/// The standard library opens folders to remove so, and nothing else.
int openat(int folder, const char* path, int flags, ...) {
  static const auto real = next<int(int, const char*, int, ...)>("openat");
  if (!is_watched(folder, path)) return real(folder, path, flags);
  return fails(Effect::kLooks) ? -1 : opened(real(folder, path, flags));
}

std::FILE* fopen(const char* path, const char* mode) {
  static const auto real = next<std::FILE*(const char*, const char*)>("fopen");
  if (!is_watched(path)) return real(path, mode);
  if (fails(*mode != 'r' ? Effect::kTakesSpace : Effect::kLooks)) return nullptr;
  std::FILE* file = real(path, mode);
  if (file != nullptr) watch(::fileno(file), true);
  return file;
}

std::FILE* fopen64(const char* path, const char* mode) {
  return fopen(path, mode);
}

std::size_t fread(void* bytes, std::size_t size, std::size_t count, std::FILE* file) {
  static const auto real = next<std::size_t(void*, std::size_t, std::size_t, std::FILE*)>("fread");
  if (!is_watched(::fileno(file)) || !fails(Effect::kLooks)) return real(bytes, size, count, file);
  file->_flags |= 0x20;  // what ferror() reads in the C library of GNU
  return 0;
}

int fclose(std::FILE* file) {
  static const auto real = next<int(std::FILE*)>("fclose");
  watch(::fileno(file), false);
  return real(file);
}

DIR* opendir(const char* path) {
  static const auto real = next<DIR*(const char*)>("opendir");
  if (!is_watched(path)) return real(path);
  return fails(Effect::kLooks) ? nullptr : opened(real(path));
}

dirent* readdir(DIR* folder) {
  static const auto real = next<dirent*(DIR*)>("readdir");
  return is_watched(::dirfd(folder)) && fails(Effect::kLooks) ? nullptr : real(folder);
}

int closedir(DIR* folder) {
  static const auto real = next<int(DIR*)>("closedir");
  watch(::dirfd(folder), false);
  return real(folder);
}

int close(int descriptor) {
  static const auto real = next<int(int)>("close");
  const bool failed = is_watched(descriptor) && fails(Effect::kLooks);
  watch(descriptor, false);
  const int error = errno, result = real(descriptor);
  if (!failed) return result;
  errno = error;
  return -1;
}

ssize_t read(int descriptor, void* bytes, std::size_t size) {
  static const auto real = next<ssize_t(int, void*, std::size_t)>("read");
  return is_watched(descriptor) && fails(Effect::kLooks) ? -1 : real(descriptor, bytes, size);
}

ssize_t pread(int descriptor, void* bytes, std::size_t size, off_t offset) {
  static const auto real = next<ssize_t(int, void*, std::size_t, off_t)>("pread");
  return is_watched(descriptor) && fails(Effect::kLooks) ? -1 : real(descriptor, bytes, size, offset);
}

ssize_t write(int descriptor, const void* bytes, std::size_t size) {
  static const auto real = next<ssize_t(int, const void*, std::size_t)>("write");
  if (!is_watched(descriptor)) return real(descriptor, bytes, size);
  g_writing.add(g_calls + 1);
  if (g_plan.kind == Kind::kTear && g_calls + 1 == g_plan.at) [[maybe_unused]]
    const auto torn = real(descriptor, bytes, size / 2);
  return fails(Effect::kTakesSpace) ? -1 : real(descriptor, bytes, size);
}

int fsync(int descriptor) {
  static const auto real = next<int(int)>("fsync");
  return is_watched(descriptor) && fails(Effect::kLooks) ? -1 : real(descriptor);
}

int ftruncate(int descriptor, off_t size) {
  static const auto real = next<int(int, off_t)>("ftruncate");
  return is_watched(descriptor) && fails(Effect::kChanges) ? -1 : real(descriptor, size);
}

int fchmod(int descriptor, mode_t mode) {
  static const auto real = next<int(int, mode_t)>("fchmod");
  return is_watched(descriptor) && fails(Effect::kChanges) ? -1 : real(descriptor, mode);
}

int flock(int descriptor, int operation) {
  static const auto real = next<int(int, int)>("flock");
  return is_watched(descriptor) && fails(Effect::kLooks) ? -1 : real(descriptor, operation);
}

int fstat(int descriptor, struct stat* status) {
  static const auto real = next<int(int, struct stat*)>("fstat");
  return is_watched(descriptor) && fails(Effect::kLooks) ? -1 : real(descriptor, status);
}

int stat(const char* path, struct stat* status) {
  static const auto real = next<int(const char*, struct stat*)>("stat");
  return is_watched(path) && fails(Effect::kLooks) ? -1 : real(path, status);
}

int lstat(const char* path, struct stat* status) {
  static const auto real = next<int(const char*, struct stat*)>("lstat");
  return is_watched(path) && fails(Effect::kLooks) ? -1 : real(path, status);
}

ssize_t readlink(const char* path, char* target, std::size_t size) {
  static const auto real = next<ssize_t(const char*, char*, std::size_t)>("readlink");
  return is_watched(path) && fails(Effect::kLooks) ? -1 : real(path, target, size);
}

int rename(const char* from, const char* to) {
  static const auto real = next<int(const char*, const char*)>("rename");
  return is_watched(to) && fails(Effect::kChanges) ? -1 : real(from, to);
}

int unlink(const char* path) {
  static const auto real = next<int(const char*)>("unlink");
  return is_watched(path) && fails(Effect::kChanges) ? -1 : real(path);
}

int unlinkat(int folder, const char* path, int flags) {
  static const auto real = next<int(int, const char*, int)>("unlinkat");
  return is_watched(folder, path) && fails(Effect::kChanges) ? -1 : real(folder, path, flags);
}

int remove(const char* path) {
  static const auto real = next<int(const char*)>("remove");
  return is_watched(path) && fails(Effect::kChanges) ? -1 : real(path);
}

int mkdir(const char* path, mode_t mode) {
  static const auto real = next<int(const char*, mode_t)>("mkdir");
  return is_watched(path) && fails(Effect::kTakesSpace) ? -1 : real(path, mode);
}

int rmdir(const char* path) {
  static const auto real = next<int(const char*)>("rmdir");
  return is_watched(path) && fails(Effect::kChanges) ? -1 : real(path);
}

}  // extern "C"
