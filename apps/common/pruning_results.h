#pragma once
/// The classifiers that a pruning has put into its run folder, kept for a run that is continued.

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "apps/common/pruning_table.h"
#include "models/classifier_file.h"

namespace engram::apps {

/// The file with the SHA-256 of the finished classifiers.
inline constexpr const char* kFinishedFile = "finished.json";

/// Finished files of a run folder. A file counts once its hash is in finished.json, so what a kill left without one is
/// made again; a file of other content than was written is refused.
class PruningResults {
 public:
  /// Reads finished.json, where there is one. Throws IoError, and DataError for anything but names and hashes.
  explicit PruningResults(std::filesystem::path folder);

  /// Whether the file `name` was finished. Throws IoError, and DataError where it does not hold what was written.
  bool has(const std::string& name) const;

  /// Writes a classifier with the metadata `notes`, then its hash. Throws as save_classifier.
  void save(const std::string& name, const Network& network, const Normalization& normalization,
            const std::map<std::string, std::string>& notes);

  /// The classifier in the file `name`, on a device. Throws as load_classifier.
  Classifier read(const std::string& name, Device device) const;

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::string> hashes_;
};

/// The accuracies of a point as notes of its classifier's file.
std::map<std::string, std::string> accuracy_notes(const PruningPoint& point);

/// The inverse: fills in the accuracies. Throws DataError for notes that are no accuracies.
void read_accuracies(const std::map<std::string, std::string>& notes, PruningPoint& point);

}  // namespace engram::apps
