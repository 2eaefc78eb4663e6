#include "apps/common/output_folder.h"

#include <system_error>

#include "kernels/common/error.h"

namespace engram::apps {

namespace fs = std::filesystem;

void check_folder_place(const std::string& label, const fs::path& path) {
  if (path == "-")
    throw UsageError(
        message(label, " expected a folder to create, got -, which means standard output; hint: ./- is a folder"));
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::status_known(status))
    throw IoError(message(label, " cannot look up ", path.string(), ": ", error.message()));
  if (fs::is_directory(status)) return;
  if (fs::exists(status))
    throw UsageError(message(label, " expected a folder to create, got the existing file ", path.string()));
  if (fs::is_symlink(fs::symlink_status(path, error)))
    throw UsageError(
        message(label, " expected a folder to create, got the link ", path.string(), " to a place where nothing is"));
}

std::vector<fs::path> create_folders(const std::string& label, const fs::path& path) {
  std::vector<fs::path> made;
  std::error_code error;
  for (fs::path missing = path; !missing.empty() && !fs::exists(missing, error); missing = missing.parent_path())
    made.push_back(missing);
  fs::create_directories(path, error);
  if (!error) return made;
  const std::string reason = error.message();
  remove_empty_folders(made);
  throw IoError(message(label, " cannot create ", path.string(), ": ", reason));
}

void remove_empty_folders(const std::vector<fs::path>& folders) noexcept {
  std::error_code not_empty;
  for (const fs::path& folder : folders) fs::remove(folder, not_empty);
}

}  // namespace engram::apps
