#include "emulator/checker/sites.h"

#include <cstdio>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "emulator/checker/modules.h"
#include "emulator/engine/hooks.h"

namespace emu {
namespace {

struct Site {
  const void* pc = nullptr;
  SourceLocation line;
  std::string text;
};

struct Key {
  std::uintptr_t address;
  int part;
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  std::size_t operator()(const Key& key) const {
    return (key.address ^ std::uintptr_t(key.part) << 48) * 0x9E3779B97F4A7C15ull >> 7;
  }
};

struct Sites {
  std::vector<Site> all{1};
  std::unordered_map<Key, SiteId, KeyHash> numbers;
};

Sites& sites() {
  static Sites& instance = *new Sites;
  return instance;
}

SiteId number_of(Key key, const Site& site) {
  const auto [found, is_new] = sites().numbers.try_emplace(key, SiteId(sites().all.size()));
  if (is_new) sites().all.push_back(site);
  return found->second;
}

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// Lines of `command`'s output.
std::vector<std::string> output_of(const std::string& command) {
  std::vector<std::string> lines;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return lines;
  char buffer[2048];
  while (std::fgets(buffer, sizeof buffer, pipe)) lines.emplace_back(buffer, std::strcspn(buffer, " \n"));
  pclose(pipe);
  return lines;
}

std::string text_of_instruction(const void* pc) {
  const Module module = module_of(pc);
  const auto offset = std::uintptr_t(pc) - module.bias;
  char hex[32];
  std::snprintf(hex, sizeof hex, "0x%zx", std::size_t(offset - 1));  // inside the call, not behind it
  std::string text;
  for (const auto& line : output_of("addr2line -i -e '" + module.path + "' " + hex + " 2>/dev/null")) {
    // Helpers of the dialect are not where the reader's access stands.
    if (line.find("/emulator/dialect/") != std::string::npos || line.compare(0, 2, "??") == 0) continue;
    const std::string place = base_name(line);
    text += text.empty() ? place : " (inlined at " + place + ")";
  }
  return text.empty() ? base_name(module.path) + "+" + hex : text;
}

}  // namespace

SiteId site_of_instruction(const void* pc, int part) {
  return number_of({std::uintptr_t(pc), part}, {pc, {}, {}});
}

SiteId site_of_line(SourceLocation location, int part) {
  return number_of({std::uintptr_t(location.file), -(64 * location.line + part)}, {nullptr, location, {}});
}

SiteId site_limit() {
  return SiteId(sites().all.size());
}

const std::string& site_text(SiteId id) {
  Site& site = sites().all[id];
  if (site.text.empty()) site.text = site.pc ? text_of_instruction(site.pc) : short_place(site.line);
  return site.text;
}

}  // namespace emu
