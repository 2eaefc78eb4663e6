#pragma once
/// The classifier that the folder of a run stands for.

#include <filesystem>

namespace engram::apps {

/// The file of a classifier that `path` means: itself, or in a folder classifier.safetensors, or the network of a
/// finished pruning at one ratio. Throws DataError for other folders, and says what they are.
std::filesystem::path classifier_file(const std::filesystem::path& path);

}  // namespace engram::apps
