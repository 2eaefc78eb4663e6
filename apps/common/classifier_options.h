#pragma once
/// Options about a classifier that a program reads, and the reading.

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>

#include "apps/common/cli.h"
#include "models/classifier_file.h"

namespace engram::apps {

/// What a classifier's file may not say. Where the file says it, the file counts.
struct ClassifierOptions {
  std::string arch;
  std::int64_t num_classes = 0;  ///< 0: by the last layer
  std::string mean, std;         ///< numbers with commas, one a channel; empty: CIFAR's
};

/// Registers --arch, --num-classes, --mean, --std.
void add_classifier_options(Cli& cli, ClassifierOptions& options);

/// Reads a classifier onto a device. `path` is a file, or a folder of engram-train, whose classifier.safetensors it
/// then is. What was read under other names is said on `remarks`, if there is one. Throws UsageError for --mean and
/// --std, and as load_classifier.
Classifier open_classifier(const std::filesystem::path& path, const ClassifierOptions& options, const Device& device,
                           std::ostream* remarks);

/// The file that open_classifier reads.
std::filesystem::path classifier_file(const std::filesystem::path& path);

}  // namespace engram::apps
