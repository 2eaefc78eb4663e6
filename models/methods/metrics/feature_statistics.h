#pragma once
/// What FID needs to know of real images, in a file: so that made ones can be judged where no data are.

#include <filesystem>
#include <map>
#include <string>

#include "models/methods/metrics/moments.h"

namespace engram {

/// Moments of a data set's features by one classifier.
struct FeatureStatistics {
  Moments moments;
  std::string extractor_sha256;  ///< of the classifier's file
  std::string dataset;           ///< "cifar10"
  std::string dataset_sha256;    ///< dataset_sha256 of the images
  /// FID of so many real images that are not among them: what that many made ones cannot be expected to fall below.
  std::map<dim_t, double> floor;
};

/// Writes them as a safetensors file: F64 "mean" [n], "count" [1], "covariance" [n (n + 1) / 2] (the lower triangle by
/// rows), "floor_counts" and "floor_values", the rest as metadata. Atomic; throws IoError.
void save_feature_statistics(const std::filesystem::path& file, const FeatureStatistics& statistics);

/// Reads them. Throws IoError, and DataError, which begins with the file's name, for anything else than what
/// save_feature_statistics writes, and for numbers that are not finite.
FeatureStatistics load_feature_statistics(const std::filesystem::path& file);

/// Whether a file says that it holds such statistics. False for a folder and for whatever cannot be read.
bool is_feature_statistics(const std::filesystem::path& file);

}  // namespace engram
