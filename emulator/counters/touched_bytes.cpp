#include "emulator/counters/touched_bytes.h"

namespace emu {

std::size_t TouchedBytes::add(std::uint32_t begin, std::uint32_t bytes) {
  std::size_t added = 0;
  std::uint32_t page = ~0u;
  std::vector<bool>* bits = nullptr;
  for (std::uint32_t i = begin; i < begin + bytes; ++i) {
    if (i / kPageBytes != page) {
      page = i / kPageBytes;
      bits = &pages_[page];
      if (bits->empty()) bits->resize(kPageBytes);
    }
    const std::size_t bit = i % kPageBytes;
    added += !(*bits)[bit];
    (*bits)[bit] = true;
  }
  return added;
}

}  // namespace emu
