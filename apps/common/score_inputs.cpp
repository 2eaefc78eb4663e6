#include "apps/common/score_inputs.h"

#include <algorithm>

#include "apps/common/classifier_images.h"
#include "apps/common/classifier_inputs.h"
#include "apps/common/data_of_run.h"
#include "apps/common/run_manifest.h"
#include "engine/io/sha256.h"
#include "models/component.h"
#include "models/data/class_matching.h"
#include "models/data/dataset_hash.h"
#include "models/data/evenly_spread.h"
#include "models/data/network_images.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

/// What has been read so far.
struct Reader {
  const ScoreSettings& settings;
  Program& program;
  ScoreInputs inputs = {};
};

std::string label_of(const Network& network, const std::vector<Viewer>& others) {
  const std::string name = network.arch()[0] == '{' ? parse_component(network.arch()).name : network.arch();
  const auto taken = [&](const std::string& label) {
    return std::any_of(others.begin(), others.end(), [&](const Viewer& v) { return v.label == label; });
  };
  std::string label = name;
  for (int n = 2; taken(label); ++n) label = message(name, "-", n);
  return label;
}

void open_viewer(Reader& reader, const std::string& path, std::vector<Viewer>& viewers) {
  Viewer viewer{.label = "",
                .file = path,
                .sha256 = io::sha256_file_hex(classifier_file(path)),
                .classifier = open_classifier(path, reader.settings.assumed, reader.program.device(),
                                              reader.settings.common.quiet ? nullptr : reader.program.call().err)};
  viewer.label = label_of(*viewer.classifier.network, viewers);
  viewers.push_back(std::move(viewer));
}

/// The hash that a run folder of engram-invert has of its classifier; empty for other paths.
std::string inverted_classifier(const fs::path& made) {
  if (!is_run_folder(made)) return "";
  const ManifestJson manifest = read_manifest(made);
  const auto hashes = manifest.find("hashes");
  return hashes == manifest.end() ? "" : hashes->value("classifier", "");
}

KnownClasses classes_of(const Reader& reader) {
  const Classifier& first = reader.inputs.extractors.front().classifier;
  if (reader.inputs.real.count > 0) return known_classes(reader.inputs.real.class_names, reader.inputs.real.name);
  return classifier_classes(first);
}

ImageDataset for_networks(ImageDataset data, const Reader& reader, const fs::path& source, dim_t limit) {
  return evenly_spread(
      network_images(std::move(data), reader.inputs.extractors.front().classifier.network->image(), source.string()),
      limit);
}

/// The file of statistics that a path means: that of a run with --statistics, or itself.
fs::path statistics_file(const fs::path& path) {
  std::error_code ignored;
  const fs::path within = path / "statistics.safetensors";
  return fs::is_regular_file(within, ignored) ? within : path;
}

void read_real(Reader& reader) {
  const ScoreSettings& s = reader.settings;
  if (const fs::path file = statistics_file(s.real); is_feature_statistics(file)) {
    reader.inputs.statistics = load_feature_statistics(file);
    reader.program.add_input("real", file);
    if (s.statistics) throw UsageError("--statistics: expected real images, got statistics");
    return;
  }
  DataSettings images;
  images.data = s.real;
  images.dataset = s.dataset;
  const DatasetRequest request = request_of(data_of_run(images, reader.program.call().err), Split::kTrain);
  ImageDataset train = open_dataset(request);
  if (!s.common.quiet) say_note(train, *reader.program.call().err);
  if (train.split == "train") {
    DatasetRequest other = request;
    other.split = Split::kTest;
    reader.inputs.test = for_networks(open_dataset(other), reader, s.real, s.real_limit);
  }
  reader.inputs.real = for_networks(std::move(train), reader, s.real, s.real_limit);
  reader.program.add_input("real", s.real, {{"real/train", dataset_sha256(reader.inputs.real)}});
}

void read_made(Reader& reader) {
  const ScoreSettings& s = reader.settings;
  if (s.made.empty()) return;
  DataSettings images;
  images.data = s.made;
  DatasetRequest request = request_of(data_of_run(images, reader.program.call().err), Split::kTrain);
  request.classes = classes_of(reader);
  const ImageDataset made = open_dataset(request);
  if (!s.common.quiet) say_note(made, *reader.program.call().err);
  reader.inputs.made = for_networks(made, reader, s.made, s.limit);
  const dim_t least = std::max<dim_t>(2, s.neighbors + 2);
  if (reader.inputs.made.count < least || (!reader.inputs.statistics && reader.inputs.real.count < least))
    throw DataError(message("expected at least ", least, " images in both sets (--neighbors and 2), got ",
                            reader.inputs.made.count, " made and ",
                            reader.inputs.statistics ? "statistics of" : std::to_string(reader.inputs.real.count),
                            " real ones"));
  reader.program.add_input("fake", s.made, {{"fake/images", dataset_sha256(reader.inputs.made)}});
  reader.inputs.inverted_sha256 = inverted_classifier(s.made);
}

void check_images_of_viewers(const Reader& reader) {
  const ImageShape image = reader.inputs.extractors.front().classifier.network->image();
  for (const auto* viewers : {&reader.inputs.extractors, &reader.inputs.judges})
    for (const Viewer& v : *viewers)
      if (v.classifier.network->image() != image)
        throw DataError(message(v.file, ": expected a classifier of images of ", to_string(image),
                                " as the first, got ", to_string(v.classifier.network->image())));
}

void check_statistics(const Reader& reader) {
  if (reader.inputs.statistics)
    for (const Viewer& v : reader.inputs.extractors)
      if (v.sha256 != reader.inputs.statistics->extractor_sha256)
        throw DataError(message("--real: expected statistics by the features of ", v.file,
                                ", got those of another "
                                "classifier (its SHA-256 begins with ",
                                reader.inputs.statistics->extractor_sha256.substr(0, 12), ")"));
}

}  // namespace

ScoreInputs read_score_inputs(const ScoreSettings& s, Program& program) {
  Reader reader{s, program};
  if (s.made.empty() && !s.statistics) throw UsageError("expected FAKE, the made images, or --statistics, got neither");
  if (s.extractors.empty()) throw UsageError("--extractor: expected the file of a classifier, got none");
  if (s.statistics && s.extractors.size() != 1)
    throw UsageError(message("--statistics: expected one extractor, got ", s.extractors.size()));
  for (const std::string& path : s.extractors) open_viewer(reader, path, reader.inputs.extractors);
  for (const std::string& path : s.judges) open_viewer(reader, path, reader.inputs.judges);
  add_classifier_inputs(program, "extractor", s.extractors);
  add_classifier_inputs(program, "judge", s.judges);
  check_images_of_viewers(reader);
  read_real(reader);
  check_statistics(reader);
  read_made(reader);
  if (!s.classifier.empty()) {
    reader.program.add_input("classifier", classifier_file(s.classifier));
    reader.inputs.inverted_sha256 = io::sha256_file_hex(classifier_file(s.classifier));
  }
  return std::move(reader.inputs);
}

}  // namespace engram::apps
