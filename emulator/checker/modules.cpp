#include "emulator/checker/modules.h"

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "emulator/checker/sites.h"

namespace emu {
namespace {

struct Segment {
  std::uintptr_t begin, end;
};

std::vector<Segment> constant_segments() {
  std::vector<Segment> segments;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& list = *static_cast<std::vector<Segment>*>(data);
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          // Constants with addresses in them are writable until the loader has relocated them.
          const bool constant = (header.p_type == PT_LOAD && !(header.p_flags & PF_W)) || header.p_type == PT_GNU_RELRO;
          const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
          if (constant) list.push_back({begin, begin + header.p_memsz});
        }
        return 0;
      },
      &segments);
  return segments;
}

bool any_contains(const std::vector<Segment>& segments, std::uintptr_t begin, std::uintptr_t end) {
  return std::any_of(segments.begin(), segments.end(),
                     [&](const Segment& s) { return begin >= s.begin && end <= s.end; });
}

std::string program_path() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, std::size_t(length)) : "";
}

struct ModuleSearch {
  std::uintptr_t address;
  Module found;
};

// The name of the function at `offset` in the symbol table of an ELF file.
std::string symbol_in_file(const std::string& file, std::uintptr_t offset) {
  if (file.size() < sizeof(Elf64_Ehdr) || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) return "";
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(file.data());
  const auto* sections = reinterpret_cast<const Elf64_Shdr*>(file.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB && sections[i].sh_type != SHT_DYNSYM) continue;
    const auto* symbols = reinterpret_cast<const Elf64_Sym*>(file.data() + sections[i].sh_offset);
    const char* names = file.data() + sections[sections[i].sh_link].sh_offset;
    for (std::size_t k = 0; k < sections[i].sh_size / sizeof(Elf64_Sym); ++k) {
      const auto& symbol = symbols[k];
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_value == offset && symbol.st_shndx != SHN_UNDEF) {
        return names + symbol.st_name;
      }
    }
  }
  return "";
}

}  // namespace

Module module_of(const void* address) {
  ModuleSearch search{std::uintptr_t(address), {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& wanted = *static_cast<ModuleSearch*>(data);
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
          if (header.p_type != PT_LOAD || wanted.address < begin || wanted.address >= begin + header.p_memsz) continue;
          wanted.found = {*info->dlpi_name ? info->dlpi_name : program_path(), info->dlpi_addr};
          return 1;
        }
        return 0;
      },
      &search);
  return search.found;
}

bool in_constant_data(const void* p, std::size_t bytes) {
  static std::vector<Segment> segments;
  const auto begin = std::uintptr_t(p);
  if (any_contains(segments, begin, begin + bytes)) return true;
  segments = constant_segments();  // a library may have been opened since
  return any_contains(segments, begin, begin + bytes);
}

std::string function_symbol(const void* address) {
  const Module module = module_of(address);
  if (module.path.empty()) return "";
  std::ifstream stream(module.path, std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  return symbol_in_file(file, std::uintptr_t(address) - module.bias);
}

}  // namespace emu
