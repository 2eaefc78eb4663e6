#include "apps/common/run_files.h"

#include <algorithm>
#include <functional>
#include <set>
#include <system_error>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_of(const std::string& pattern) {
  std::vector<std::string> names;
  std::size_t begin = 0;
  for (std::size_t slash; (slash = pattern.find('/', begin)) != std::string::npos; begin = slash + 1)
    names.push_back(pattern.substr(begin, slash - begin));
  names.push_back(pattern.substr(begin));
  return names;
}

fs::file_type type_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (!fs::status_known(status)) throw IoError(message("[run] cannot look up ", path.string(), ": ", error.message()));
  return status.type();
}

[[noreturn]] void refuse(const char* expected, const fs::path& path) {
  throw DataError(
      message("[run] expected ", expected, " of the run itself, got a link, a device or the like: ", path.string()));
}

/// The entries of a folder that a pattern's name stands for.
std::vector<fs::path> entries_of(const fs::path& folder, const std::string& name) {
  if (name.find('*') == std::string::npos) {
    const fs::path path = folder / name;
    return type_of(path) == fs::file_type::not_found ? std::vector<fs::path>{} : std::vector<fs::path>{path};
  }
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (matches(it->path().filename().string(), name)) found.push_back(it->path());
  if (error) throw IoError(message("[run] cannot read ", folder.string(), ": ", error.message()));
  std::sort(found.begin(), found.end());
  return found;
}

/// Calls `on_file` for every entry that a pattern stands for, and `on_folder` for every folder on the way, the outer
/// one first. Links are not followed.
void visit(const fs::path& folder, const std::vector<std::string>& names, std::size_t depth,
           const std::function<void(const fs::path&)>& on_file, const std::function<void(const fs::path&)>& on_folder) {
  on_folder(folder);
  for (const fs::path& entry : entries_of(folder, names[depth])) {
    if (depth + 1 == names.size()) {
      on_file(entry);
    } else {
      if (type_of(entry) != fs::file_type::directory) refuse("a folder", entry);
      visit(entry, names, depth + 1, on_file, on_folder);
    }
  }
}

}  // namespace

void check_patterns(const FilePatterns& patterns, const std::string& source) {
  for (const std::string& pattern : patterns) {
    for (const std::string& name : names_of(pattern)) {
      if (name.find_first_not_of("*.") == std::string::npos || name.find('\0') != std::string::npos)
        throw DataError(message(source, ": expected the names of a run's files, got '", pattern, "'"));
    }
  }
}

bool matches(const std::string& name, const std::string& pattern) {
  // The usual search with one place to go back to: the last star may swallow one more character.
  std::size_t n = 0, p = 0, star = std::string::npos, swallowed = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      swallowed = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++n;
      ++p;
    } else if (star != std::string::npos) {
      p = star + 1;
      n = ++swallowed;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string::npos;
}

std::vector<fs::path> own_files(const fs::path& folder, const FilePatterns& patterns) {
  std::vector<fs::path> files;
  for (const std::string& pattern : patterns) {
    const auto on_file = [&](const fs::path& file) {
      if (type_of(file) != fs::file_type::regular) refuse("a file", file);
      files.push_back(file);
    };
    visit(folder, names_of(pattern), 0, on_file, [](const fs::path&) {});
  }
  return files;
}

void remove_own_files(const fs::path& folder, const FilePatterns& patterns) {
  for (const std::string& pattern : patterns) {
    std::vector<fs::path> folders;
    const auto on_file = [](const fs::path& file) {
      std::error_code error;
      if (type_of(file) == fs::file_type::directory) return;  // nothing that a run wrote
      if (!fs::remove(file, error) && error)
        throw IoError(message("[run] cannot remove ", file.string(), ": ", error.message()));
    };
    visit(folder, names_of(pattern), 0, on_file, [&](const fs::path& path) { folders.push_back(path); });
    for (auto path = folders.rbegin(); path + 1 < folders.rend(); ++path) {
      std::error_code not_empty;
      fs::remove(*path, not_empty);
    }
  }
}

void remove_run_leftovers(const fs::path& folder, const FilePatterns& patterns) {
  std::set<fs::path> folders;
  for (const std::string& pattern : patterns)
    visit(
        folder, names_of(pattern), 0, [](const fs::path&) {}, [&](const fs::path& path) { folders.insert(path); });
  for (const fs::path& path : folders) io::remove_leftovers(path);
}

}  // namespace engram::apps
