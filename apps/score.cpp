/// engram-score: how near made images are to real ones, by the features of classifiers.

#include <algorithm>
#include <filesystem>
#include <optional>

#include "apps/common/classifier_options.h"
#include "apps/common/data_settings.h"
#include "apps/common/exit_code.h"
#include "apps/common/program.h"
#include "apps/common/run_manifest.h"
#include "apps/common/score_table.h"
#include "apps/common/synthetic_set.h"
#include "apps/programs.h"
#include "engine/io/atomic_file.h"
#include "engine/io/image_grid.h"
#include "engine/io/png.h"
#include "engine/io/sha256.h"
#include "models/component.h"
#include "models/data/dataset_hash.h"
#include "models/data/evenly_spread.h"
#include "models/data/network_images.h"
#include "models/methods/metrics/channel_statistics.h"
#include "models/methods/metrics/feature_statistics.h"
#include "models/methods/metrics/fid.h"
#include "models/methods/metrics/nearest.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStatistics = "statistics.safetensors";
constexpr const char* kTable = "score.csv";
constexpr dim_t kSheetImages = 100;
constexpr dim_t kFloorCounts[] = {50, 100, 256, 512, 1024, 2048, 5000, 10000};

struct ScoreSettings {
  CommonOptions common;
  fs::path made, real, classifier;
  std::vector<std::string> extractors, judges;
  std::string dataset = "auto";
  ClassifierOptions assumed;
  std::int64_t limit = 0, real_limit = 0, batch_size = 256;
  std::int64_t neighbors = 5, neighborhood_images = 10000, splits = 10, pictures = 10;
  int resamples = 200;
  bool statistics = false;
};

void add_settings(Cli& cli, ScoreSettings& s) {
  cli.positional("fake", &s.made, "Made images: a pool, class folders of PNG, or the run folder of engram-invert")
      .only_on_command_line()
      .input();
  cli.group("Against what");
  cli.option("real", &s.real, "Real images, whose training part counts; or a file that --statistics made")
      .only_on_command_line()
      .required("resume")
      .input();
  cli.option("dataset", &s.dataset, "Kind of the real data set").choices(dataset_kinds());
  cli.option("limit", &s.limit, "How many of the made images, evenly spread over them; 0 is all").at_least(0);
  cli.option("real-limit", &s.real_limit, "How many of the real images of each part, evenly spread over them; 0 is all")
      .at_least(0);
  cli.group("By whom");
  cli.option("extractor", &s.extractors,
             "Classifiers whose pooled features are compared; best several that were trained by themselves")
      .required();
  cli.option("judge", &s.judges, "Further classifiers of which only the accuracy is asked");
  cli.option("classifier", &s.classifier, "The classifier that the images were made from; a run folder says it itself")
      .input();
  add_classifier_options(cli, s.assumed);
  cli.group("How");
  cli.option("neighbors", &s.neighbors, "k of precision, recall, density and coverage").at_least(1).at_most(1000);
  cli.option("neighborhood-images", &s.neighborhood_images, "Most images of each set that these four look at; 0 is all")
      .at_least(0);
  cli.option("splits", &s.splits, "Of the inception score").at_least(1).at_most(10000);
  cli.option("resamples", &s.resamples, "Bootstrap draws for the intervals; below 2 there are none")
      .at_least(0)
      .at_most(100000);
  cli.option("pictures", &s.pictures, "Made images that are shown beside their nearest real ones")
      .at_least(0)
      .at_most(100);
  cli.option("statistics", &s.statistics,
             "Make no scores but statistics.safetensors, with which others can do without the real images");
  add_seed_option(cli, s.common);
  add_running_options(cli, s.common);
  cli.option("batch-size", &s.batch_size, "Images at a time").at_least(1).at_most(65536);
  add_compute_options(cli, s.common);
  add_resumable_run_options(cli, s.common);
  cli.footer(dataset_help());
}

/// A classifier that looks at the images.
struct Viewer {
  std::string label, file, sha256;
  Classifier classifier;
};

/// What belongs to one call of the program.
struct Run {
  const ScoreSettings& settings;
  Program& program;
  std::vector<Viewer> extractors = {}, judges = {};
  std::string inverted_sha256 = {};  ///< of the classifier that the images were made from; empty: not known
  ImageDataset made = {}, real = {}, test = {};
  std::optional<FeatureStatistics> statistics = {};
  ScoreTable table = {};
};

/// Thrown where a signal asks to stop; there is nothing to save.
struct Stopped {};

void say(Run& run, const std::string& what) {
  if (run.program.stop_requested()) throw Stopped{};
  if (!run.settings.common.quiet) *run.program.call().err << what << std::endl;
}

std::string label_of(const Network& network, const std::vector<Viewer>& others) {
  const std::string name = network.arch()[0] == '{' ? parse_component(network.arch()).name : network.arch();
  const auto taken = [&](const std::string& label) {
    return std::any_of(others.begin(), others.end(), [&](const Viewer& v) { return v.label == label; });
  };
  std::string label = name;
  for (int n = 2; taken(label); ++n) label = message(name, "-", n);
  return label;
}

void open_viewer(Run& run, const std::string& path, const std::string& setting, std::vector<Viewer>& viewers) {
  const fs::path file = classifier_file(path);
  Viewer viewer{.label = "",
                .file = path,
                .sha256 = io::sha256_file_hex(file),
                .classifier = open_classifier(path, run.settings.assumed, run.program.device(),
                                              run.settings.common.quiet ? nullptr : run.program.call().err)};
  viewer.label = label_of(*viewer.classifier.network, viewers);
  run.program.add_input(message(setting, viewers.size() + 1), file);
  viewers.push_back(std::move(viewer));
}

/// The hash that a run folder of engram-invert has of its classifier; empty for other paths.
std::string inverted_classifier(const fs::path& made) {
  if (!is_run_folder(made)) return "";
  const ManifestJson manifest = read_manifest(made);
  const auto hashes = manifest.find("hashes");
  return hashes == manifest.end() ? "" : hashes->value("classifier", "");
}

KnownClasses classes_of(const Run& run) {
  const Classifier& first = run.extractors.front().classifier;
  if (run.real.count > 0) return {run.real.num_classes, run.real.class_names};
  return known_classes(first.class_names);
}

ImageDataset for_networks(ImageDataset data, const Run& run, const fs::path& source, dim_t limit) {
  return evenly_spread(
      network_images(std::move(data), run.extractors.front().classifier.network->image(), source.string()), limit);
}

void read_real(Run& run) {
  const ScoreSettings& s = run.settings;
  if (is_feature_statistics(s.real)) {
    run.statistics = load_feature_statistics(s.real);
    run.program.add_input("real", s.real);
    if (s.statistics) throw UsageError("--statistics: expected real images, got statistics");
    return;
  }
  const DatasetRequest request{.kind = s.dataset, .path = s.real, .split = Split::kTrain};
  ImageDataset train = open_dataset(request);
  say_note(train, *run.program.call().err);
  if (train.split == "train") {
    DatasetRequest other = request;
    other.split = Split::kTest;
    run.test = for_networks(open_dataset(other), run, s.real, s.real_limit);
  }
  run.real = for_networks(std::move(train), run, s.real, s.real_limit);
  run.program.add_input("real", s.real, {{"real/train", dataset_sha256(run.real)}});
}

void read_made(Run& run) {
  const ScoreSettings& s = run.settings;
  if (s.made.empty()) return;
  const ImageDataset made = open_dataset({.path = s.made, .classes = classes_of(run)});
  say_note(made, *run.program.call().err);
  run.made = for_networks(made, run, s.made, s.limit);
  const dim_t least = std::max<dim_t>(2, s.neighbors + 2);
  if (run.made.count < least || (!run.statistics && run.real.count < least))
    throw DataError(message("expected at least ", least, " images in both sets (--neighbors and 2), got ",
                            run.made.count, " made and ", run.real.count, " real ones"));
  run.program.add_input("fake", s.made, {{"fake/images", dataset_sha256(run.made)}});
  run.inverted_sha256 = inverted_classifier(s.made);
}

void check_viewers(const Run& run) {
  const ImageShape image = run.extractors.front().classifier.network->image();
  for (const auto* viewers : {&run.extractors, &run.judges})
    for (const Viewer& v : *viewers)
      if (v.classifier.network->image() != image)
        throw DataError(message(v.file, ": expected a classifier of images of ", to_string(image),
                                " as the first, got ", to_string(v.classifier.network->image())));
  if (run.statistics)
    for (const Viewer& v : run.extractors)
      if (v.sha256 != run.statistics->extractor_sha256)
        throw DataError(message("--real: expected statistics by the features of ", v.file,
                                ", got those of another "
                                "classifier (its SHA-256 begins with ",
                                run.statistics->extractor_sha256.substr(0, 12), ")"));
}

void prepare(Run& run) {
  const ScoreSettings& s = run.settings;
  if (s.made.empty() && !s.statistics) throw UsageError("expected FAKE, the made images, or --statistics, got neither");
  if (s.extractors.empty()) throw UsageError("--extractor: expected the file of a classifier, got none");
  for (const std::string& path : s.extractors) open_viewer(run, path, "extractor", run.extractors);
  for (const std::string& path : s.judges) open_viewer(run, path, "judge", run.judges);
  read_real(run);
  read_made(run);
  if (!s.classifier.empty()) {
    run.program.add_input("classifier", classifier_file(s.classifier));
    run.inverted_sha256 = io::sha256_file_hex(classifier_file(s.classifier));
  }
  check_viewers(run);
}

ImageFeatures look(const Run& run, const Viewer& viewer, const ImageDataset& images) {
  return image_features(*viewer.classifier.network, images,
                        {.batch_size = run.settings.batch_size, .normalization = viewer.classifier.normalization});
}

BootstrapPlan bootstrap(const Run& run) {
  return {.resamples = run.settings.resamples, .seed = run.settings.common.seed};
}

void warn(Run& run, const std::string& text) {
  auto& warnings = run.table.warnings;
  if (std::find(warnings.begin(), warnings.end(), text) == warnings.end()) warnings.push_back(text);
}

void warn_about(Run& run, const ExtractorScore& score) {
  if (!score.independent)
    warn(run, message(score.label,
                      " is the classifier that the images were made from: they fit its statistics by "
                      "construction, so its FID says little and is left out of the means"));
  if (score.quality.regularized_fid)
    warn(run, message("FID-", score.label, " by ", run.table.made, " made images for ", score.features,
                      " features: the covariance of so few is singular and FID far too large, comparable at this "
                      "number of images only; with ",
                      kFidRidge, " on the variances it is ", *score.quality.regularized_fid));
}

void judge(Run& run, const Viewer& viewer, const std::string& role, const ImageFeatures& seen) {
  if (viewer.classifier.network->num_classes() != run.made.num_classes) {
    warn(run, message("no accuracy by ", viewer.label, ": it has ", viewer.classifier.network->num_classes(),
                      " classes, the made images ", run.made.num_classes));
    return;
  }
  const std::vector<double> correct = seen.correct();
  Measured accuracy;
  for (const double c : correct) accuracy.value += c / double(correct.size());
  if (run.settings.resamples >= 2) accuracy.interval = bootstrap_mean(correct, bootstrap(run));
  run.table.judges.push_back({viewer.label, role, accuracy});
}

void add_floors(Run& run, const Viewer& viewer, const FeatureMatrix& real, ExtractorScore& score) {
  if (real.rows >= 4)
    score.floors.emplace_back(message("half of them against the other, ", real.rows / 2, " each"),
                              fid_between(every_row(real, 0, 2), every_row(real, 1, 2)));
  if (run.test.count < 2) return;
  say(run, message(viewer.label, ": test images"));
  score.floors.emplace_back(message("test images, ", run.test.count),
                            fid_between(real, look(run, viewer, run.test).features));
}

void picture(Run& run, RunDir& dir, const FeatureMatrix& made, const FeatureMatrix& real) {
  constexpr dim_t kShown = 5, kZoom = 2;
  const dim_t count = std::min<dim_t>(run.settings.pictures, made.rows), shown = std::min(kShown, real.rows);
  if (count == 0) return;
  FeatureMatrix chosen{0, made.columns, {}};
  std::vector<dim_t> rows;
  for (dim_t i = 0; i < count; ++i, ++chosen.rows) {
    rows.push_back(i * made.rows / count);
    chosen.values.insert(chosen.values.end(), made.row(rows.back()), made.row(rows.back()) + made.columns);
  }
  std::vector<std::uint8_t> planar;
  const auto append = [&](const ImageDataset& set, dim_t index) {
    planar.insert(planar.end(), set.image(index), set.image(index) + set.image_bytes());
  };
  const auto neighbors = nearest_neighbors(chosen, real, shown, run.program.device());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    append(run.made, rows[i]);
    for (const Neighbor& neighbor : neighbors[i]) append(run.real, neighbor.index);
  }
  const io::Image sheet = io::image_grid(planar, count * (1 + shown), run.made.channels, run.made.height,
                                         run.made.width, {.columns = 1 + shown, .padding = 3, .zoom = kZoom});
  io::write_png(dir / "images" / "final_beside_nearest_real.png", sheet);
}

/// Against real images.
void score_images(Run& run, RunDir& dir, const Viewer& viewer, ExtractorScore& score) {
  say(run, message(viewer.label, ": features"));
  const ImageFeatures made = look(run, viewer, run.made), real = look(run, viewer, run.real);
  judge(run, viewer, score.independent ? "extractor" : "inverted classifier", made);
  const QualityOptions options{.neighbors = run.settings.neighbors,
                               .splits = run.settings.splits,
                               .neighborhood_images = run.settings.neighborhood_images,
                               .bootstrap = bootstrap(run),
                               .device = run.program.device()};
  score.quality =
      image_quality(real, made, options, [&](const std::string& part) { say(run, message(viewer.label, ": ", part)); });
  add_floors(run, viewer, real.features, score);
  if (run.table.extractors.empty()) picture(run, dir, made.features, real.features);
}

/// Against statistics alone.
void score_by_statistics(Run& run, const Viewer& viewer, ExtractorScore& score) {
  say(run, message(viewer.label, ": features"));
  const ImageFeatures made = look(run, viewer, run.made);
  judge(run, viewer, score.independent ? "extractor" : "inverted classifier", made);
  score.has_neighborhoods = false;
  const FeatureStatistics& real = *run.statistics;
  score.quality =
      distribution_quality(real.moments, made, {.splits = run.settings.splits, .bootstrap = bootstrap(run)});
  auto floor = real.floor.upper_bound(run.made.count);
  if (floor == real.floor.begin()) return;
  --floor;
  score.floors.emplace_back(message(floor->first, " others"), floor->second);
}

void add_channels(Run& run) {
  const ChannelStatistics made = channel_statistics(run.made), real = channel_statistics(run.real);
  const char* const names[] = {"red", "green", "blue"};
  for (std::size_t c = 0; c < made.mean.size(); ++c)
    run.table.channels.push_back({made.mean.size() == 3 ? names[c] : message("channel ", c), made.mean[c],
                                  made.deviation[c], real.mean[c], real.deviation[c]});
  if (run.made.num_classes == run.real.num_classes)
    run.table.class_color_distance =
        class_color_distance(class_channel_statistics(run.made), class_channel_statistics(run.real));
}

void write_results(const Run& run, RunDir& dir) {
  io::write_file(dir / kScoreFile, score_json(run.table));
  io::write_file(dir / kTable, score_csv(run.table));
  std::vector<io::JsonField> fields;
  const std::map<std::string, double> numbers = headline(run.table);
  for (const auto& [name, value] : numbers) {
    fields.push_back({name, value});
    dir.set_fact(name, value);
  }
  dir.metrics(0, fields);
  dir.set_fact("images", run.table.made);
}

Outcome score(Run& run, RunDir& dir) {
  ScoreTable& table = run.table;
  fs::create_directories(dir / "images");
  table.made = run.made.count;
  table.made_source = run.settings.made.string();
  table.real = run.statistics ? dim_t(run.statistics->moments.count) : run.real.count;
  table.real_source = run.settings.real.string();
  table.neighbors = run.settings.neighbors;
  table.neighborhood_images = run.settings.neighborhood_images;
  for (const Viewer& viewer : run.extractors) {
    ExtractorScore entry{
        .label = viewer.label, .file = viewer.file, .features = 0, .independent = viewer.sha256 != run.inverted_sha256};
    if (run.statistics)
      score_by_statistics(run, viewer, entry);
    else
      score_images(run, dir, viewer, entry);
    entry.features = entry.quality.features;
    warn_about(run, entry);
    table.extractors.push_back(std::move(entry));
  }
  for (const Viewer& viewer : run.judges) {
    say(run, message(viewer.label, ": accuracy"));
    const bool inverted = viewer.sha256 == run.inverted_sha256;
    judge(run, viewer, inverted ? "inverted classifier" : "judge", look(run, viewer, run.made));
  }
  if (!run.statistics) add_channels(run);
  if (table.made != table.real)
    warn(run, message("FID falls with the number of images: compare ", table.made, " made ones with others of that ",
                      "number only"));
  write_sheet(dir / "images" / "final.png", run.made, kSheetImages);
  write_results(run, dir);
  return {.text = score_text(table)};
}

Outcome make_statistics(Run& run, RunDir& dir) {
  if (run.extractors.size() != 1)
    throw UsageError(message("--statistics: expected one extractor, got ", run.extractors.size()));
  const Viewer& viewer = run.extractors.front();
  say(run, message(viewer.label, ": features"));
  FeatureStatistics statistics{.moments = moments(look(run, viewer, run.real).features),
                               .extractor_sha256 = viewer.sha256,
                               .dataset = run.real.name,
                               .dataset_sha256 = dataset_sha256(run.real),
                               .floor = {}};
  if (run.test.count >= 2) {
    say(run, message(viewer.label, ": test images"));
    const FeatureMatrix test = look(run, viewer, run.test).features;
    const FrechetReference reference(statistics.moments);
    for (const dim_t count : kFloorCounts)
      if (count <= test.rows)
        statistics.floor[count] = reference.distance_to(moments(every_row(test, 0, test.rows / count, count))).value;
  }
  save_feature_statistics(dir / kStatistics, statistics);
  for (const auto& [count, value] : statistics.floor) dir.set_fact(message("floor_", count), value);
  return {.text = message("statistics: ", (dir / kStatistics).string(), "\n")};
}

}  // namespace

int run_score(Call& call) {
  ScoreSettings settings;
  Cli cli(call,
          "Measures how near made images are to real ones: FID, inception score, precision, recall, density and "
          "coverage by the features of classifiers, accuracies, colours; with intervals, and the values that real "
          "images have against each other.");
  add_settings(cli, settings);
  if (!cli.parse()) return kExitOk;
  Program program(cli, settings.common);
  Run run{settings, program};
  prepare(run);
  program.open_anew({kScoreFile, kTable, kStatistics, "images/*.png"});
  return program.run([&](RunDir& dir) -> Outcome {
    try {
      return settings.statistics ? make_statistics(run, dir) : score(run, dir);
    } catch (const Stopped&) {
      return {.stopped = "before the end", .results = false};
    }
  });
}

}  // namespace engram::apps
