/// engram-score: how near made images are to real ones, by the features of classifiers.

#include <algorithm>
#include <filesystem>

#include "apps/common/exit_code.h"
#include "apps/common/score_inputs.h"
#include "apps/common/score_table.h"
#include "apps/common/synthetic_set.h"
#include "apps/programs.h"
#include "engine/io/atomic_file.h"
#include "engine/io/image_grid.h"
#include "engine/io/png.h"
#include "models/data/dataset_hash.h"
#include "models/methods/metrics/channel_statistics.h"
#include "models/methods/metrics/fid.h"
#include "models/methods/metrics/nearest.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStatistics = "statistics.safetensors";
constexpr const char* kTable = "score.csv";
constexpr dim_t kSheetImages = 100;
constexpr dim_t kFloorCounts[] = {50, 100, 256, 512, 1024, 2048, 5000, 10000};

/// What belongs to one call of the program.
struct Run {
  const ScoreSettings& settings;
  Program& program;
  ScoreInputs inputs;
  ScoreTable table = {};
};

/// Thrown where a signal asks to stop; there is nothing to save.
struct Stopped {};

void say(Run& run, const std::string& what) {
  if (run.program.stop_requested()) throw Stopped{};
  if (!run.settings.common.quiet) *run.program.call().err << what << std::endl;
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
  if (viewer.classifier.network->num_classes() != run.inputs.made.num_classes) {
    warn(run, message("no accuracy by ", viewer.label, ": it has ", viewer.classifier.network->num_classes(),
                      " classes, the made images ", run.inputs.made.num_classes));
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
  if (run.inputs.test.count < 2) return;
  say(run, message(viewer.label, ": test images"));
  score.floors.emplace_back(message("test images, ", run.inputs.test.count),
                            fid_between(real, look(run, viewer, run.inputs.test).features));
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
    append(run.inputs.made, rows[i]);
    for (const Neighbor& neighbor : neighbors[i]) append(run.inputs.real, neighbor.index);
  }
  const io::Image sheet = io::image_grid(planar, count * (1 + shown), run.inputs.made.channels, run.inputs.made.height,
                                         run.inputs.made.width, {.columns = 1 + shown, .padding = 3, .zoom = kZoom});
  io::write_png(dir / "images" / "final_beside_nearest_real.png", sheet);
}

/// Against real images.
void score_images(Run& run, RunDir& dir, const Viewer& viewer, ExtractorScore& score) {
  say(run, message(viewer.label, ": features"));
  const ImageFeatures made = look(run, viewer, run.inputs.made), real = look(run, viewer, run.inputs.real);
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
  const ImageFeatures made = look(run, viewer, run.inputs.made);
  judge(run, viewer, score.independent ? "extractor" : "inverted classifier", made);
  score.has_neighborhoods = false;
  const FeatureStatistics& real = *run.inputs.statistics;
  score.quality =
      distribution_quality(real.moments, made, {.splits = run.settings.splits, .bootstrap = bootstrap(run)});
  auto floor = real.floor.upper_bound(run.inputs.made.count);
  if (floor == real.floor.begin()) return;
  --floor;
  score.floors.emplace_back(message(floor->first, " others"), floor->second);
}

void add_channels(Run& run) {
  const ChannelStatistics made = channel_statistics(run.inputs.made), real = channel_statistics(run.inputs.real);
  const char* const names[] = {"red", "green", "blue"};
  for (std::size_t c = 0; c < made.mean.size(); ++c)
    run.table.channels.push_back({made.mean.size() == 3 ? names[c] : message("channel ", c), made.mean[c],
                                  made.deviation[c], real.mean[c], real.deviation[c]});
  if (run.inputs.made.num_classes == run.inputs.real.num_classes)
    run.table.class_color_distance =
        class_color_distance(class_channel_statistics(run.inputs.made), class_channel_statistics(run.inputs.real));
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
  table.made = run.inputs.made.count;
  table.made_source = run.settings.made.string();
  table.real = run.inputs.statistics ? dim_t(run.inputs.statistics->moments.count) : run.inputs.real.count;
  table.real_source = run.settings.real.string();
  table.neighbors = run.settings.neighbors;
  table.neighborhood_images = run.settings.neighborhood_images;
  for (const Viewer& viewer : run.inputs.extractors) {
    ExtractorScore entry{.label = viewer.label,
                         .file = viewer.file,
                         .features = 0,
                         .independent = viewer.sha256 != run.inputs.inverted_sha256};
    if (run.inputs.statistics)
      score_by_statistics(run, viewer, entry);
    else
      score_images(run, dir, viewer, entry);
    entry.features = entry.quality.features;
    warn_about(run, entry);
    table.extractors.push_back(std::move(entry));
  }
  for (const Viewer& viewer : run.inputs.judges) {
    say(run, message(viewer.label, ": accuracy"));
    const bool inverted = viewer.sha256 == run.inputs.inverted_sha256;
    judge(run, viewer, inverted ? "inverted classifier" : "judge", look(run, viewer, run.inputs.made));
  }
  if (!run.inputs.statistics) add_channels(run);
  if (table.made != table.real)
    warn(run, message("FID falls with the number of images: compare ", table.made, " made ones with others of that ",
                      "number only"));
  write_sheet(dir / "images" / "final.png", run.inputs.made, kSheetImages);
  write_results(run, dir);
  return {.text = score_text(table)};
}

Outcome make_statistics(Run& run, RunDir& dir) {
  if (run.inputs.extractors.size() != 1)
    throw UsageError(message("--statistics: expected one extractor, got ", run.inputs.extractors.size()));
  const Viewer& viewer = run.inputs.extractors.front();
  say(run, message(viewer.label, ": features"));
  FeatureStatistics statistics{.moments = moments(look(run, viewer, run.inputs.real).features),
                               .extractor_sha256 = viewer.sha256,
                               .dataset = run.inputs.real.name,
                               .dataset_sha256 = dataset_sha256(run.inputs.real),
                               .floor = {}};
  if (run.inputs.test.count >= 2) {
    say(run, message(viewer.label, ": test images"));
    const FeatureMatrix test = look(run, viewer, run.inputs.test).features;
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
  add_score_settings(cli, settings);
  if (!cli.parse()) return kExitOk;
  Program program(cli, settings.common);
  Run run{settings, program, read_score_inputs(settings, program)};
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
