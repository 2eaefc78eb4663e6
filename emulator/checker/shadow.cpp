#include "emulator/checker/shadow.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>

namespace emu {
namespace {

constexpr std::size_t kSpace = std::size_t{2} << 30;
constexpr std::size_t kRedZone = 256;
constexpr std::size_t kAlignment = 256;
constexpr std::size_t kPage = 4096;

struct Allocation {
  std::size_t bytes;
  std::string name;
};

struct Space {
  char* begin = nullptr;
  CellState* states = nullptr;
  History* histories = nullptr;
  std::size_t top = kRedZone;
  std::multimap<std::size_t, char*> freed;  // by size
  std::map<const char*, Allocation> allocations;
};

// A pointer, so that the hot path has one load; never destroyed, because memory may be freed by static destructors.
Space* const space = new Space;

template <class T>
T* reserve(std::size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    std::fprintf(stderr, "emulator: %zu bytes of address space for the checker are not to be had\n", bytes);
    std::abort();
  }
  return static_cast<T*>(p);
}

void drop_pages(void* p, std::size_t bytes) {
  const std::uintptr_t begin = (std::uintptr_t(p) + kPage - 1) / kPage * kPage;
  const std::uintptr_t end = (std::uintptr_t(p) + bytes) / kPage * kPage;
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

std::size_t with_red_zone(std::size_t bytes) {
  return (bytes + kRedZone + kAlignment - 1) / kAlignment * kAlignment;
}

// Sets or clears bits of one cell.
void change(Cell cell, unsigned mask, bool set) {
  CellState& state = space->states[cell];
  state = CellState(set ? state | mask : state & ~mask);
}

// Calls body(cell, byte mask) for the partial cells of a range and whole(first, count) for the whole ones.
template <class Partial, class Whole>
void for_cells(const void* p, std::size_t bytes, const Partial& partial, const Whole& whole) {
  std::size_t begin = std::size_t(static_cast<const char*>(p) - space->begin), end = begin + bytes;
  for (; begin < end && begin % kCellBytes != 0; ++begin) partial(begin / kCellBytes, 1u << begin % kCellBytes);
  for (; end > begin && end % kCellBytes != 0; --end) partial((end - 1) / kCellBytes, 1u << (end - 1) % kCellBytes);
  if (end > begin) whole(begin / kCellBytes, (end - begin) / kCellBytes);
}

}  // namespace

// New addresses as long as there are any, so that a pointer to freed memory stays wrong.
void* shadow_allocate(std::size_t bytes) {
  if (space->begin == nullptr) {
    space->begin = reserve<char>(kSpace);
    space->states = reserve<CellState>(kSpace / kCellBytes);
    space->histories = reserve<History>(kSpace / kCellBytes * sizeof(History));
  }
  const std::size_t size = with_red_zone(bytes);
  if (size <= kSpace - space->top) {
    char* p = space->begin + space->top;
    space->top += size;
    return p;
  }
  const auto found = space->freed.lower_bound(size);
  if (found == space->freed.end()) return nullptr;
  char* p = found->second;
  space->freed.erase(found);
  return p;
}

void shadow_deallocate(void* p, std::size_t bytes) {
  const std::size_t size = with_red_zone(bytes);
  drop_pages(p, bytes);
  const Cell cell = cell_of(p);
  drop_pages(space->histories + cell, size / kCellBytes * sizeof(History));
  space->freed.emplace(size, static_cast<char*>(p));
}

bool is_emulated(const void* p) {
  return std::size_t(static_cast<const char*>(p) - space->begin) < kSpace && space->begin != nullptr;
}
Cell cell_of(const void* p) {
  return std::size_t(static_cast<const char*>(p) - space->begin) / kCellBytes;
}
CellState& state_of(Cell cell) {
  return space->states[cell];
}
History& history_of(Cell cell) {
  return space->histories[cell];
}

void set_state(const void* p, std::size_t bytes, bool allocated, bool initialised) {
  for_cells(
      p, bytes,
      [&](Cell cell, unsigned mask) {
        change(cell, mask, allocated);
        change(cell, mask << 4, initialised);
      },
      [&](Cell first, std::size_t count) {
        std::memset(space->states + first, (allocated ? 0x0f : 0) | (initialised ? 0xf0 : 0), count);
      });
}

void set_initialised(const void* p, std::size_t bytes) {
  for_cells(
      p, bytes, [](Cell cell, unsigned mask) { change(cell, mask << 4, true); },
      [](Cell first, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) space->states[first + i] |= 0xf0;
      });
}

const char* first_invalid(const void* p, std::size_t bytes) {
  const auto* begin = static_cast<const char*>(p);
  for (std::size_t i = 0; i < bytes;) {
    const std::size_t offset = std::size_t(begin + i - space->begin);
    const CellState state = space->states[offset / kCellBytes];
    if (!(state >> offset % kCellBytes & 1)) return begin + i;
    i += (state & 0x0f) == 0x0f ? kCellBytes - offset % kCellBytes : 1;
  }
  return nullptr;
}

void note_allocation(const void* p, std::size_t bytes, const char* name) {
  space->allocations[static_cast<const char*>(p)] = {bytes, name ? name : ""};
}

void forget_allocation(const void* p) {
  space->allocations.erase(static_cast<const char*>(p));
}

std::string describe_address(const void* address) {
  const auto* p = static_cast<const char*>(address);
  const auto text = [](const Allocation& a) {
    return (a.name.empty() ? std::string() : "'" + a.name + "' ") + "of size " + std::to_string(a.bytes) + " bytes";
  };
  auto next = space->allocations.upper_bound(p);
  const auto before = next == space->allocations.begin() ? space->allocations.end() : std::prev(next);
  if (before != space->allocations.end()) {
    const auto behind = std::size_t(p - before->first);
    if (behind < before->second.bytes) {
      return "at offset " + std::to_string(behind) + " of the allocation " + text(before->second);
    }
    const auto gap = behind - before->second.bytes;
    if (next == space->allocations.end() || gap <= std::size_t(next->first - p)) {
      return std::to_string(gap + 1) + " bytes after the nearest allocation " + text(before->second);
    }
  }
  if (next == space->allocations.end()) return "no allocation is near";
  return std::to_string(next->first - p) + " bytes before the nearest allocation " + text(next->second);
}

}  // namespace emu
