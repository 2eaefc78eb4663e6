/// Plug-ins and drivers that are not there, broken, or of another version: one clear line each, exit code 4.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "kernels/common/error.h"
#include "kernels/plugin/plugin.h"
#include "kernels/plugin/plugin_loader.h"
#include "tests/cuda/cifar_subset.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

namespace fs = std::filesystem;
using test::ProgramResult;
using test::run_program;

const fs::path kBroken = ENGRAM_TEST_DIR;

/// Sets an environment variable for the programs that a test runs.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (before_)
      setenv(name_, before_->c_str(), 1);
    else
      unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

std::string refusal(const fs::path& file) {
  try {
    kernels::open_plugin_file(file);
  } catch (const DeviceError& error) {
    return error.what();
  }
  return "";
}

TEST(PluginLoader, NamesWhatIsWrongWithAFile) {
  EXPECT_NE(refusal(kBroken / "nothing.so").find("expected a plug-in in"), std::string::npos);
  EXPECT_NE(refusal(kBroken / "libplugin_without_entry.so").find("with the function engram_plugin"), std::string::npos);
  const std::string version = refusal(kBroken / "libplugin_of_other_version.so");
  const std::string expected = "expected version " + std::to_string(kernels::kPluginVersion) +
                               " of the plug-in interface, got " + std::to_string(kernels::kPluginVersion + 1);
  EXPECT_NE(version.find(expected), std::string::npos) << version;
  const std::string missing = refusal(kBroken / "libplugin_with_missing_library.so");
  EXPECT_NE(missing.find("needs libmissing_library.so, which is not installed"), std::string::npos) << missing;
  for (const std::string& text : {version, missing}) EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(PluginLoader, OpensTheEmulatedPlugin) {
  std::string why;
  const kernels::Plugin* plugin = kernels::open_plugin(kernels::PluginKind::kEmu, why);
  ASSERT_NE(plugin, nullptr) << why;
  EXPECT_STREQ(plugin->name, "emu");
  EXPECT_EQ(plugin->version, kernels::kPluginVersion);
}

/// Runs engram-eval on a device; device errors come before the files are looked at.
ProgramResult on_device(const std::string& device) {
  return run_program("engram-eval", {"none.safetensors", "--data", "none", "--device", device});
}

void expect_device_error(const std::string& device, const std::string& words) {
  const ProgramResult run = on_device(device);
  EXPECT_EQ(run.code, 4) << run.err;
  EXPECT_NE(run.err.find(words), std::string::npos) << run.err;
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
}

TEST(DeviceErrors, AnUnknownDevice) {
  expect_device_error("gpu", "expected auto, cpu, cuda, cuda:N, emu or emu:N, got 'gpu'");
  expect_device_error("cuda:x", "got 'cuda:x'");
  expect_device_error("emu:-1", "got 'emu:-1'");
}

TEST(DeviceErrors, AnIndexThatDoesNotExist) {
  expect_device_error("emu:1", "expected emu:0, got emu:1: there is 1 device");
  const Variable devices("EMU_DEVICES", "3");
  expect_device_error("emu:3", "expected emu:0 to emu:2, got emu:3: there are 3 devices");
}

TEST(DeviceErrors, NoDriver) {
  if (kernels::cuda_driver_version() != 0) GTEST_SKIP() << "there is a driver";
  expect_device_error("cuda", "cuda is not available: no NVIDIA driver");
  const Variable none("EMU_DRIVER", "0");
  expect_device_error("emu", "emu is not available: no NVIDIA driver");
}

TEST(DeviceErrors, ADriverTooOld) {
  const Variable old("EMU_DRIVER", "12040");
  expect_device_error("emu", "expected an NVIDIA driver for CUDA 13.0, got one for CUDA 12.4: update the driver");
}

TEST(DeviceErrors, NoDevice) {
  const Variable none("EMU_DEVICES", "0");
  expect_device_error("emu", "no CUDA device (cudaErrorNoDevice: no CUDA-capable device is detected)");
}

TEST(DeviceErrors, NoPlugin) {
  const test::TempFolder folder;
  const Variable elsewhere("ENGRAM_PLUGIN_DIR", folder.path().string());
  expect_device_error("emu", "no plug-in libengram_emu.so in " + folder.path().string());
}

TEST(DeviceErrors, ADriverIsThereAndThePluginIsNot) {
  const test::TempFolder folder;
  const Variable elsewhere("ENGRAM_PLUGIN_DIR", folder.path().string());
  const Variable driver("LD_LIBRARY_PATH", (kBroken / "driver").string());
  const Variable version("DRIVER_VERSION", "13000");
  expect_device_error("cuda", "no plug-in libengram_cuda.so in");
}

TEST(DeviceErrors, TheRealPluginOpensAndFindsNoDevice) {
  const fs::path plugin = fs::path(ENGRAM_LIB_DIR) / "libengram_cuda.so";
  if (!fs::exists(plugin)) GTEST_SKIP() << "not built: no nvcc, cuDNN or cuBLAS";
  if (kernels::cuda_driver_version() != 0) GTEST_SKIP() << "there is a driver";
  const char* const path = std::getenv("LD_LIBRARY_PATH");
  const Variable driver("LD_LIBRARY_PATH", (kBroken / "driver").string() + (path ? std::string(":") + path : ""));
  const Variable version("DRIVER_VERSION", "13000");
  expect_device_error("cuda",
                      "cuda is not available: no CUDA device (cuda");  // the stub can do nothing but its version
}

TEST(DeviceErrors, BrokenPlugins) {
  const Variable driver("LD_LIBRARY_PATH", (kBroken / "driver").string());
  const Variable version("DRIVER_VERSION", "13000");
  for (const auto& [file, words] : {std::pair("libplugin_of_other_version.so", "expected version"),
                                    {"libplugin_with_missing_library.so", "which is not installed"},
                                    {"libplugin_without_entry.so", "engram_plugin"}}) {
    const test::TempFolder folder;
    fs::copy(kBroken / file, folder / "libengram_cuda.so");
    const Variable elsewhere("ENGRAM_PLUGIN_DIR", folder.path().string());
    expect_device_error("cuda", words);
  }
}

TEST(DeviceErrors, OutOfDeviceMemoryStatesTheSizes) {
  const Variable small("EMU_MEMORY", "1000000");
  const std::string classifier = std::string(ENGRAM_SOURCE_DIR) + "/classifiers/cifar10-resnet18-w32.safetensors";
  const ProgramResult run = run_program("engram-eval", {classifier, "--data", "none", "--device", "emu"});
  EXPECT_EQ(run.code, 4) << run.err;
  EXPECT_NE(run.err.find("bytes of emu memory, got none: live"), std::string::npos) << run.err;
  const test::TempFolder folder;
  testing::write_cifar_subset(folder.path());
  const ProgramResult limited =
      run_program("engram-train", {"--data", folder.path().string(), "--dataset", "cifar10-subset", "--out",
                                   (folder / "run").string(), "--device", "emu", "--memory-limit", "1", "--arch",
                                   "resnet20", "--batch-size", "2", "--epochs", "1"});
  EXPECT_EQ(limited.code, 4) << limited.err;
  EXPECT_NE(limited.err.find("limit 1048576"), std::string::npos) << limited.err;
}

/// Libraries that the loader says it opens while the program runs, which must end with `code`.
std::string opened_libraries(const std::vector<std::string>& arguments, int code) {
  const Variable debug("LD_DEBUG", "files");
  const ProgramResult run = run_program("engram-eval", arguments);
  EXPECT_EQ(run.code, code) << run.out;
  return run.err + run.out;
}

TEST(Programs, WithoutCudaUseNoCudaLibraryIsOpened) {
  const test::TempFolder data;
  testing::write_cifar_subset(data.path());
  const std::string classifier = std::string(ENGRAM_SOURCE_DIR) + "/classifiers/cifar10-resnet18-w32.safetensors";
  const std::vector<std::string> evaluation = {
      classifier, "--data", data.path().string(), "--dataset", "cifar10-subset", "--device", "cpu"};
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--help"}, evaluation}) {
    const std::string opened = opened_libraries(arguments, 0);
    EXPECT_NE(opened.find("libdnnl"), std::string::npos) << "the loader said nothing";
    for (const char* library : {"libcuda", "libcudnn", "libcublas", "libengram_cuda", "libengram_emu"})
      EXPECT_EQ(opened.find(library), std::string::npos) << library;
  }
}

TEST(Programs, AutoTakesTheCpuAndSaysSo) {
  if (kernels::cuda_driver_version() != 0) GTEST_SKIP() << "there is a driver";
  const test::TempFolder folder;
  testing::write_cifar_subset(folder.path());
  const ProgramResult run =
      run_program("engram-train",
                  {"--data", folder.path().string(), "--dataset", "cifar10-subset", "--out", (folder / "run").string(),
                   "--arch", "resnet20", "--batch-size", "2", "--epochs", "1", "--limit", "2"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.err.find("device auto: cpu (cuda is not available: no NVIDIA driver"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace engram
