#include "engine/io/live_temporaries.h"

#include <unistd.h>

#include <array>
#include <atomic>

namespace engram::io {
namespace {

std::array<std::atomic<const char*>, 256> g_paths{};

}  // namespace

void note_temporary(const char* path) noexcept {
  for (std::atomic<const char*>& place : g_paths) {
    const char* free = nullptr;
    if (place.compare_exchange_strong(free, path)) return;
  }
}

void forget_temporary(const char* path) noexcept {
  for (std::atomic<const char*>& place : g_paths) {
    const char* noted = path;
    if (place.compare_exchange_strong(noted, nullptr)) return;
  }
}

void unlink_live_temporaries() noexcept {
  for (std::atomic<const char*>& place : g_paths)
    if (const char* path = place.exchange(nullptr)) ::unlink(path);
}

}  // namespace engram::io
