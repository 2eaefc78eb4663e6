#include "apps/analyze/subjects.h"

#include <ostream>
#include <set>

#include "apps/analyze/picture_output.h"
#include "apps/common/classifier_images.h"
#include "apps/common/exit_code.h"
#include "models/data/batch_stager.h"
#include "models/data/evenly_spread.h"
#include "models/data/network_images.h"

namespace engram::apps {
namespace {

/// The file's name without its ending, or the run's folder; a number behind it where names repeat.
std::string short_name(const std::filesystem::path& path, std::set<std::string>& taken) {
  std::string name =
      std::filesystem::is_directory(path) ? path.lexically_normal().filename().string() : path.stem().string();
  if (name.empty()) name = path.lexically_normal().parent_path().filename().string();
  const std::string first = name;
  for (int i = 2; !taken.insert(name).second; ++i) name = first + "-" + std::to_string(i);
  return name;
}

void check_alike(const Subject& first, const Subject& other, bool any_classes) {
  if (first.network().image() != other.network().image())
    throw DataError(message("expected networks of the same images, got ", to_string(first.network().image()), " for ",
                            first.name, " and ", to_string(other.network().image()), " for ", other.name));
  if (!any_classes && first.network().num_classes() != other.network().num_classes())
    throw DataError(message("expected networks of as many classes, got ", first.network().num_classes(), " for ",
                            first.name, " and ", other.network().num_classes(), " for ", other.name));
}

}  // namespace

void add_subject_settings(Cli& cli, SubjectSettings& s, const std::string& meaning, const std::string& limited) {
  cli.positional("CLASSIFIER", &s.classifiers, meaning + ": .safetensors files, or run folders of engram-train")
      .only_on_command_line()
      .input()
      .required();
  cli.group("Data");
  cli.option("data", &s.data, "Folder of the data set, folder of class folders of PNG or JPEG, or packed images")
      .input()
      .required();
  cli.option("dataset", &s.dataset, "Kind of the data set").choices(dataset_kinds());
  cli.option("split", &s.split, "Part of the data set").choices({"train", "test"});
  cli.option("image-size", &s.image_size, "Resize all images to N by N pixels; 0 takes them as they are")
      .at_least(0)
      .at_most(4096);
  add_limit_option(cli, s.limit, limited);
  cli.group("Classifiers");
  add_classifier_options(cli, s.assumed);
  add_running_options(cli, s.common);
  cli.option("batch-size", &s.batch_size, "Images at a time").at_least(1).at_most(65536);
  add_compute_options(cli, s.common);
  add_picture_option(cli, s.out);
}

Subjects open_subjects(const Call& call, SubjectSettings& s, std::size_t least, std::size_t most, bool any_classes) {
  if (s.classifiers.size() < least || s.classifiers.size() > most)
    throw UsageError(message("expected ", least == most ? "" : message(least, " to "), most, " classifiers, got ",
                             s.classifiers.size()));
  apply_threads(s.common);
  const OpenedDevice opened = open_device(s.common);
  Subjects subjects;
  std::set<std::string> taken;
  for (const std::string& path : s.classifiers) {
    subjects.networks.push_back({short_name(path, taken),
                                 open_classifier(path, s.assumed, opened.device, s.common.quiet ? nullptr : call.err)});
    check_alike(subjects.networks.front(), subjects.networks.back(), any_classes);
  }
  const Classifier& first = subjects.networks.front().classifier;
  const DatasetRequest request{
      .kind = s.dataset, .path = s.data, .split = parse_split(s.split), .size = {s.image_size, s.image_size}};
  const ImageDataset data = any_classes ? network_images(open_dataset(request), first.network->image(), s.data.string())
                                        : open_classifier_images(first, request, s.common.quiet ? nullptr : call.err);
  subjects.images = evenly_spread(data, s.limit);
  return subjects;
}

bool for_batches(const Call& call, const SubjectSettings& settings, const ImageDataset& images, const Device& device,
                 const Normalization& normalization,
                 const std::function<void(const Tensor& images, const Tensor& labels, dim_t first)>& visit) {
  const DeviceDataset on_device(images, device, normalization);
  BatchPlan plan;
  plan.batch_size = settings.batch_size;
  BatchStager stager(on_device, plan);
  for (dim_t batch = 0; batch < stager.batches_per_epoch(); ++batch) {
    if (call.stop()) return false;
    stager.stage({0, batch});
    const LabelledBatch staged = stager.gather();
    visit(staged.images, staged.labels, batch * settings.batch_size);
  }
  return true;
}

int stopped(const Call& call) {
  *call.err << call.program << ": stopped, nothing was written\n";
  return kExitInterrupted;
}

}  // namespace engram::apps
