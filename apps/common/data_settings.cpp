#include "apps/common/data_settings.h"

#include <algorithm>
#include <ostream>

#include "apps/common/data_of_run.h"
#include "models/data/class_matching.h"
#include "models/data/dataset_hash.h"
#include "models/data/evenly_spread.h"
#include "models/data/network_images.h"

namespace engram::apps {

DatasetRequest request_of(const DataSettings& s, Split split) {
  return {.kind = s.dataset,
          .path = s.data,
          .split = split,
          .size = {s.image_size, s.image_size},
          .domains = s.domains,
          .test_domains = s.test_domains,
          .index_list = split == Split::kTrain ? s.train_list : s.test_list};
}

void add_data_settings(Cli& cli, DataSettings& s, bool required) {
  Setting& data = cli.option("data", &s.data,
                             "Folder of the data set, packed images, or the folder of another run, for its images");
  data.only_on_command_line().input();
  if (required) data.required("resume");
  add_image_settings(cli, s);
  cli.option("domains", &s.domains, "PACS: domains to train on; none is all");
  cli.option("test-domains", &s.test_domains,
             "PACS: domains to test on as a whole; none tests on the validation lists of the training domains");
  cli.option("train-list", &s.train_list, "Train on the images whose indices this file lists, one a line").input();
  cli.option("test-list", &s.test_list, "Test on the images whose indices this file lists, one a line").input();
}

void add_image_settings(Cli& cli, DataSettings& s) {
  cli.option("dataset", &s.dataset, "Kind of the data set").choices(dataset_kinds());
  cli.option("image-size", &s.image_size, "Resize all images to N by N pixels; 0 takes them as they are")
      .at_least(0)
      .at_most(4096);
}

TrainingSets read_training_sets(const DataSettings& s, std::ostream& err) {
  TrainingSets sets;
  sets.train = open_dataset(request_of(s, Split::kTrain));
  say_note(sets.train, err);
  DatasetRequest test = request_of(s, Split::kTest);
  test.classes = known_classes(sets.train.class_names, sets.train.name);
  sets.test = open_dataset(test);
  return sets;
}

TrainingSets open_training_sets(Program& program, const DataSettings& given, std::int64_t limit) {
  const DataSettings s = data_of_run(given, program.call().err);
  TrainingSets sets = read_training_sets(s, *program.call().err);
  const ImageShape image = shape_for_network(sets.train);
  sets.train = network_images(std::move(sets.train), image, s.data.string());
  sets.test = network_images(std::move(sets.test), image, s.data.string());
  program.add_input("data", s.data,
                    {{"data/train", dataset_sha256(sets.train)}, {"data/test", dataset_sha256(sets.test)}});
  if (!s.train_list.empty()) program.add_input("train-list", s.train_list);
  if (!s.test_list.empty()) program.add_input("test-list", s.test_list);
  sets.train = evenly_spread(sets.train, limit);
  return sets;
}

void say_note(const ImageDataset& data, std::ostream& err) {
  if (!data.note.empty()) err << data.note << "\n";
}

std::string dataset_help() {
  std::string text = "Data sets:";
  for (const DatasetKind& kind : dataset_kind_help())
    text += "\n  " + kind.name + std::string(std::max<std::size_t>(17, kind.name.size() + 1) - kind.name.size(), ' ') +
            kind.help;
  return text;
}

void add_augment_settings(Cli& cli, AugmentSettings& s) {
  cli.group("Augmentation");
  cli.option("padding", &s.padding, "Largest shift in pixels (pad and random crop)").at_least(0);
  cli.option("pad-mode", &s.pad_mode, "What comes in from outside").choices({"zero", "reflect"});
  cli.option("flip-probability", &s.flip_probability, "Of a horizontal flip").at_least(0).at_most(1);
  cli.option("cutout", &s.cutout, "Side of the squares that are blanked; 0 is off").at_least(0);
  cli.option("cutout-count", &s.cutout_count, "Blanked squares an image").at_least(1).at_most(64);
  cli.option("crop-min-area", &s.crop_min_area,
             "Least share of the area of a random crop that is scaled to the image's size (with --padding 0); 0 is off")
      .at_least(0)
      .at_most(1);
  cli.option("crop-max-area", &s.crop_max_area, "Largest share of the area of a random crop").at_least(0).at_most(1);
  cli.option("brightness", &s.brightness, "Largest change of the brightness, as a share").at_least(0);
  cli.option("contrast", &s.contrast, "Largest change of the contrast, as a share").at_least(0);
  cli.option("saturation", &s.saturation, "Largest change of the saturation, as a share").at_least(0);
  cli.option("hue", &s.hue, "Largest turn of the hue; 1 is the whole circle").at_least(0).at_most(0.5);
  cli.option("grey-probability", &s.grey_probability, "Of an image without colours").at_least(0).at_most(1);
  cli.option("rotation", &s.rotation, "Largest turn in degrees, either way; black comes in from outside")
      .at_least(0)
      .at_most(180);
  cli.option("random-operations", &s.random_operations,
             "Operations an image of the 14 of RandAugment, and a grey square; 0 is off")
      .at_least(0)
      .at_most(16);
}

AugmentOptions augment_options(const AugmentSettings& s) {
  AugmentOptions options;
  options.padding = int(s.padding);
  options.pad_mode = s.pad_mode == "reflect" ? PadMode::kReflect : PadMode::kZero;
  options.flip_probability = float(s.flip_probability);
  options.cutout = int(s.cutout);
  options.cutout_count = int(s.cutout_count);
  options.crop.min_area = s.crop_min_area;
  options.crop.max_area = s.crop_max_area;
  options.color = {s.brightness, s.contrast, s.saturation, s.hue};
  options.grey_probability = s.grey_probability;
  options.rotation = s.rotation;
  options.operations = int(s.random_operations);
  return options;
}

}  // namespace engram::apps
