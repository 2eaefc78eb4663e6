#pragma once
/// Which images a program trains on and how they are changed: options, and what they mean to the library.

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "apps/common/cli.h"
#include "apps/common/program.h"
#include "models/data/augment.h"
#include "models/data/open_dataset.h"

namespace engram::apps {

/// Where the images are, and which of them are taken.
struct DataSettings {
  std::filesystem::path data;
  std::string dataset = "auto";
  std::int64_t image_size = 0;
  std::vector<std::string> domains, test_domains;
  std::filesystem::path train_list, test_list;
};

/// Registers them; without `required` a program checks itself whether there is a --data.
void add_data_settings(Cli& cli, DataSettings& settings, bool required = true);

/// Registers --dataset and --image-size only.
void add_image_settings(Cli& cli, DataSettings& settings);

/// What to read for a split.
DatasetRequest request_of(const DataSettings& settings, Split split);

/// Training and test images with the same classes.
struct TrainingSets {
  ImageDataset train, test;
};

/// Reads both; what the readers chose is said on `err`. Throws as open_dataset.
TrainingSets read_training_sets(const DataSettings& settings, std::ostream& err);

/// Reads both as images for a network (shape_for_network) and adds their content to what the run depends on; then
/// `limit` training images are taken, evenly spread (0: all). The folder of another training stands for its data set
/// (data_of_run). Throws as open_dataset and data_of_run.
TrainingSets open_training_sets(Program& program, const DataSettings& settings, std::int64_t limit);

/// Says a set's note, if it has one.
void say_note(const ImageDataset& data, std::ostream& err);

/// A line about each kind of data set, for the end of help texts.
std::string dataset_help();

/// Random changes of the training images.
struct AugmentSettings {
  std::int64_t padding = 4;
  std::string pad_mode = "zero";
  double flip_probability = 0.5;
  std::int64_t cutout = 0, cutout_count = 1;
  double crop_min_area = 0, crop_max_area = 1;
  double brightness = 0, contrast = 0, saturation = 0, hue = 0, grey_probability = 0;
  double rotation = 0;
  std::int64_t random_operations = 0;
};

/// Registers them.
void add_augment_settings(Cli& cli, AugmentSettings& settings);

/// What they mean. Which combinations make sense is checked by check_augmentation.
AugmentOptions augment_options(const AugmentSettings& settings);

}  // namespace engram::apps
