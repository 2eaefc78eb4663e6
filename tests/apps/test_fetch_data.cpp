/// scripts/fetch_data without a network: clear messages, nothing half-unpacked.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>

#include "engine/io/atomic_file.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using test::TempFolder;

struct Result {
  int code;
  std::string output;
};

Result fetch(const std::string& arguments, const std::string& environment = "") {
  const std::string command =
      environment + " '" + std::string(ENGRAM_SOURCE_DIR) + "/scripts/fetch_data' " + arguments + " 2>&1";
  Result result{-1, ""};
  std::FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[512];
  while (std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) result.output.append(buffer, n);
  const int status = ::pclose(pipe);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

void expect(const Result& result, int code, const std::string& words) {
  EXPECT_EQ(result.code, code) << result.output;
  EXPECT_NE(result.output.find(words), std::string::npos) << result.output;
}

TEST(FetchData, UsageIsChecked) {
  expect(fetch("--help"), 0, "cifar-10");
  expect(fetch("cifar-11"), 2, "got 'cifar-11'");
  expect(fetch("--dir"), 2, "expected a folder after --dir");
}

TEST(FetchData, WithoutANetworkItSaysWhatItTried) {
  TempFolder folder;
  // A curl that cannot resolve any name, before the real one.
  std::filesystem::create_directory(folder / "bin");
  io::write_file(folder / "bin/curl", "#!/bin/sh\nexit 6\n");
  std::filesystem::permissions(folder / "bin/curl", std::filesystem::perms::owner_all);
  const std::string data = (folder / "data").string();
  const Result result = fetch("--dir " + data + " mnist", "PATH='" + (folder / "bin").string() + "':\"$PATH\"");
  expect(result, 3, "could not fetch train-images-idx3-ubyte.gz");
  EXPECT_NE(result.output.find("--from"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder / "data"));
}

TEST(FetchData, AWrongArchiveIsRefused) {
  TempFolder folder;
  std::filesystem::create_directory(folder / "from");
  const std::string arguments =
      "--dir '" + (folder / "data").string() + "' --from '" + (folder / "from").string() + "' cifar-10";
  expect(fetch(arguments), 3, "expected cifar-10-binary.tar.gz");
  io::write_file(folder / "from/cifar-10-binary.tar.gz", "not the archive");
  expect(fetch(arguments), 3, "its sha256 is not");
  EXPECT_TRUE(std::filesystem::is_empty(folder / "data"));
  EXPECT_TRUE(std::filesystem::exists(folder / "from/cifar-10-binary.tar.gz"));
}

}  // namespace
}  // namespace engram
