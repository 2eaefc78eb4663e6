#include "models/data/environment_folders.h"

#include <algorithm>
#include <system_error>

#include "kernels/common/error.h"
#include "models/data/image_folder.h"

namespace engram {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> environment_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with('.') && has_image_folders(it->path())) names.push_back(name);
  }
  if (error) throw IoError(message("[environments] cannot list ", folder.string(), ": ", error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Environments read_environment_folders(const fs::path& folder, dim_t side) {
  const std::vector<std::string> names = environment_names(folder);
  if (names.size() < 2)
    throw IoError(message("[environments] expected two or more folders of class folders of PNG or JPEG files in ",
                          folder.string(), ", found ", names.size()));
  Environments environments;
  KnownClasses classes;
  for (const std::string& name : names) {
    environments.push_back({name, read_image_folder(folder / name, classes, {side, side})});
    if (classes.count == 0)
      classes = {environments.front().images.num_classes, environments.front().images.class_names};
  }
  label_by_environment(environments);
  return environments;
}

}  // namespace engram
