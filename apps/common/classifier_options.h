#pragma once
/// Options about a classifier that a program reads, and the reading.

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>

#include "apps/common/classifier_of_run.h"
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

/// Reads a classifier onto a device, from classifier_file(path). What was read under other names is said on `remarks`,
/// if there is one. Throws UsageError for --mean and --std, and as classifier_file and load_classifier.
Classifier open_classifier(const std::filesystem::path& path, const ClassifierOptions& options, const Device& device,
                           std::ostream* remarks);

}  // namespace engram::apps
