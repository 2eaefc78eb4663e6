#include "emulator/counters/bank_model.h"

#include <algorithm>
#include <array>
#include <vector>

namespace emu {
namespace {

constexpr std::uint32_t kBanks = 32, kWordBytes = 4;

std::uint64_t group_passes(std::vector<std::uint32_t>& words, bool atomic) {
  std::sort(words.begin(), words.end());
  if (!atomic) words.erase(std::unique(words.begin(), words.end()), words.end());
  std::array<std::uint64_t, kBanks> load{};
  for (const auto word : words) ++load[word % kBanks];
  return *std::max_element(load.begin(), load.end());
}

}  // namespace

BankPasses bank_passes(const WarpRequest& request) {
  const unsigned group = request.bytes <= 4 ? 32 : request.bytes <= 8 ? 16 : 8;
  BankPasses result;
  std::vector<std::uint32_t> words;
  for (unsigned first = 0; first < 32; first += group) {
    words.clear();
    for (unsigned lane = first; lane < first + group; ++lane) {
      if (!(request.lanes >> lane & 1)) continue;
      const std::uint32_t begin = request.offset[lane] / kWordBytes;
      const std::uint32_t end = (request.offset[lane] + request.bytes - 1) / kWordBytes;
      for (std::uint32_t word = begin; word <= end; ++word) words.push_back(word);
    }
    if (words.empty()) continue;
    result.passes += group_passes(words, request.kind == AccessKind::kAtomic);
    ++result.ideal;
  }
  return result;
}

}  // namespace emu
