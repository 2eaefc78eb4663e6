#pragma once
/// A CIFAR-10 folder of a few images, for programs that train.

#include <filesystem>
#include <fstream>
#include <string>

namespace engram::testing {

/// Writes one training file and the test file with two images each, of the classes 0 and 1.
inline void write_cifar_subset(const std::filesystem::path& folder) {
  for (const char* name : {"data_batch_1.bin", "test_batch.bin"}) {
    std::string bytes;
    for (int image = 0; image < 2; ++image) {
      bytes.push_back(char(image));
      for (int p = 0; p < 3072; ++p) bytes.push_back(char((p * 37 + image * 90) % 160));
    }
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
}

}  // namespace engram::testing
