#include "kernels/plugin/plugin_loader.h"

#include <dlfcn.h>

#include <cstdlib>
#include <mutex>

#include "kernels/common/error.h"

namespace engram::kernels {
namespace {

/// The text of the last dlopen or dlsym error.
std::string loader_error() {
  const char* text = dlerror();
  return text ? text : "unknown error of the loader";
}

/// Which of the library's own libraries is missing, from the loader's "NAME: cannot open shared object file: ...".
std::string missing_library(const std::string& error, const std::string& file) {
  const auto colon = error.find(": cannot open shared object file");
  if (colon == std::string::npos) return {};
  const std::string name = error.substr(0, colon);
  return name == file ? std::string() : name;
}

/// What one plug-in's search gave; kept for the life of the process.
struct Opened {
  std::once_flag once;
  const Plugin* plugin = nullptr;
  std::string why;
};

void search(PluginKind kind, Opened& opened) {
  if (kind == PluginKind::kCuda && cuda_driver_version() == 0) {
    opened.why = "no NVIDIA driver (libcuda.so.1 is not there or reports no version)";
    return;
  }
  std::string folders;
  for (const std::filesystem::path& folder : plugin_folders()) {
    const std::filesystem::path file = folder / plugin_file(kind);
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) {
      try {
        opened.plugin = open_plugin_file(file);
      } catch (const DeviceError& error) {
        opened.why = error.what();
      }
      return;
    }
    folders += (folders.empty() ? "" : " and ") + folder.string();
  }
  opened.why = message("no plug-in ", plugin_file(kind), " in ", folders);
}

}  // namespace

std::string plugin_file(PluginKind kind) {
  return kind == PluginKind::kCuda ? "libengram_cuda.so" : "libengram_emu.so";
}

std::vector<std::filesystem::path> plugin_folders() {
  if (const char* folder = std::getenv("ENGRAM_PLUGIN_DIR"); folder && *folder) return {folder};
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {"."};
  return {program.parent_path().parent_path() / "lib", program.parent_path()};
}

const Plugin* open_plugin(PluginKind kind, std::string& why) {
  static Opened opened[2];
  Opened& one = opened[int(kind)];
  std::call_once(one.once, [&] { search(kind, one); });
  why = one.why;
  return one.plugin;
}

const Plugin* open_plugin_file(const std::filesystem::path& file) {
  // Never closed: streams and memory of it live as long as tensors in static storage.
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const std::string error = loader_error(), missing = missing_library(error, file.string());
    if (!missing.empty())
      throw DeviceError(message(file.string(), " needs ", missing,
                                ", which is not installed (or not on the path of the "
                                "loader)"));
    throw DeviceError(message("expected a plug-in in ", file.string(), ", got: ", error));
  }
  const auto entry = reinterpret_cast<PluginEntry>(dlsym(library, kPluginEntry));
  if (!entry)
    throw DeviceError(message("expected a plug-in with the function ", kPluginEntry, ", got ", file.string()));
  const Plugin* const plugin = entry();
  if (plugin->version != kPluginVersion)
    throw DeviceError(message("expected version ", kPluginVersion, " of the plug-in interface, got ", plugin->version,
                              " in ", file.string(), "; install program and plug-in of one release"));
  if (plugin->table_bytes != kPluginTableBytes)
    throw DeviceError(message("expected plug-in tables of ", kPluginTableBytes, " bytes, got ", plugin->table_bytes,
                              " in ", file.string(), "; install program and plug-in of one build"));
  return plugin;
}

int cuda_driver_version() {
  void* const driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!driver) return 0;
  // cuDriverGetVersion works before cuInit; its result type is an enum whose 0 is success.
  const auto get_version = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDriverGetVersion"));
  int version = 0;
  if (!get_version || get_version(&version) != 0) return 0;
  return version;
}

}  // namespace engram::kernels
