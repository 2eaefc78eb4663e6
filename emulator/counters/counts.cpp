/// Sums and ratios of counts, names of kernels.

#include <cxxabi.h>

#include <cstdlib>

#include "emulator/checker/sites.h"
#include "emulator/counters.h"

namespace emu {
namespace {

// "void ns::f<4>(float const*, int)" without return type and parameters; "(anonymous namespace)" is part of the name.
std::string without_signature(const std::string& name) {
  std::string out;
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '<') ++depth;
    if (c == '>') --depth;
    const bool anonymous = name.compare(i, 21, "(anonymous namespace)") == 0;
    if (depth == 0 && c == ' ') {
      out.clear();  // what came before was the return type
      continue;
    }
    if (depth == 0 && c == '(' && !anonymous) return out;
    if (anonymous) {
      out += name.substr(i, 21);
      i += 20;
      continue;
    }
    out += c;
  }
  return out;
}

}  // namespace

RequestCounts& RequestCounts::operator+=(const RequestCounts& other) {
  requests += other.requests;
  active_lanes += other.active_lanes;
  sectors += other.sectors;
  ideal_sectors += other.ideal_sectors;
  bytes += other.bytes;
  return *this;
}

SharedCounts& SharedCounts::operator+=(const SharedCounts& other) {
  requests += other.requests;
  active_lanes += other.active_lanes;
  passes += other.passes;
  ideal_passes += other.ideal_passes;
  return *this;
}

double LaunchCounts::sector_efficiency() const {
  const std::uint64_t sectors = reads.sectors + writes.sectors + atomics.sectors;
  const std::uint64_t ideal = reads.ideal_sectors + writes.ideal_sectors + atomics.ideal_sectors;
  return sectors == 0 ? 1.0 : double(ideal) / double(sectors);
}

double LaunchCounts::active_lanes() const {
  const std::uint64_t requests = reads.requests + writes.requests + atomics.requests + shared.requests;
  const std::uint64_t lanes = reads.active_lanes + writes.active_lanes + atomics.active_lanes + shared.active_lanes;
  return requests == 0 ? 32.0 : double(lanes) / double(requests);
}

std::string describe_site(std::uint32_t site) {
  return site_text(site);
}

std::string kernel_name(const void* function, const std::string& fallback) {
  const std::string symbol = function_symbol(function);
  if (symbol.empty()) return fallback;
  int status = 0;
  char* text = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  const std::string name = status == 0 ? without_signature(text) : symbol;
  std::free(text);
  return name;
}

}  // namespace emu
