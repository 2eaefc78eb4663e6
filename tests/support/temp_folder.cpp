#include "tests/support/temp_folder.h"

#include <stdlib.h>

#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>

#include "engine/io/atomic_file.h"

namespace engram::test {

std::string file_text(const std::filesystem::path& file) {
  return std::string(io::as_text(io::read_file(file)));
}

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "engram-test-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::runtime_error("cannot create " + name);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

int TempFolder::count() const {
  return static_cast<int>(
      std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
}

}  // namespace engram::test
