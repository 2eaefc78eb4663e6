#pragma once
/// The networks that are looked at, and the images that they see: options, and the reading.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "apps/common/classifier_options.h"
#include "apps/common/common_options.h"
#include "models/data/dataset.h"

namespace engram::apps {

struct SubjectSettings {
  CommonOptions common = {};
  std::vector<std::string> classifiers = {};
  ClassifierOptions assumed = {};
  std::filesystem::path data = {}, out = {};
  std::string dataset = "auto", split = "test";
  std::int64_t limit = 0, batch_size = 128, image_size = 0;
};

/// Registers CLASSIFIER... (named by `meaning`), the data, --limit (of images as `limited` says; its default is what
/// `settings` holds), --batch-size, running and computing options, and --out.
void add_subject_settings(Cli& cli, SubjectSettings& settings, const std::string& meaning, const std::string& limited);

/// A network and the name that it has in pictures and tables.
struct Subject {
  std::string name;
  Classifier classifier;

  Network& network() const { return *classifier.network; }
};

struct Subjects {
  std::vector<Subject> networks;
  ImageDataset images;  ///< in the form that the networks take
};

/// Reads `least` to `most` classifiers in evaluation mode onto the device of --device, and the images. Throws
/// UsageError for another number of classifiers; DataError where their images' shapes or, unless `any_classes`, their
/// numbers of classes differ, naming both; and as open_classifier and open_dataset.
Subjects open_subjects(const Call& call, SubjectSettings& settings, std::size_t least, std::size_t most,
                       bool any_classes = false);

/// Calls visit(images, labels, first) for batches of the images, normalised as `normalization` says; `first` is the
/// place of a batch's first image. False when the program was told to stop before the end.
bool for_batches(const Call& call, const SubjectSettings& settings, const ImageDataset& images, const Device& device,
                 const Normalization& normalization,
                 const std::function<void(const Tensor& images, const Tensor& labels, dim_t first)>& visit);

/// Says that the program was told to stop and that nothing was written; the exit code for it.
int stopped(const Call& call);

}  // namespace engram::apps
