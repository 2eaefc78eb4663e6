#pragma once
/// CIFAR-10 files of random images, for programs that train.

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

namespace engram::testing {

/// Writes `count` records of the classes in turn, whose brightness tells the class.
inline void write_cifar_records(const std::filesystem::path& file, int count, unsigned seed) {
  std::mt19937 rng(seed);
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes.push_back(char(i % 10));
    for (int p = 0; p < 3072; ++p) bytes.push_back(char((i % 10) * 20 + int(rng() % 50)));
  }
  std::ofstream(file, std::ios::binary) << bytes;
}

}  // namespace engram::testing
