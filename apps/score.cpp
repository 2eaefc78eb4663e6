/// engram-score: how near made images are to real ones, by the features of classifiers.

#include <algorithm>
#include <filesystem>

#include "apps/common/exit_code.h"
#include "apps/common/nearest_sheet.h"
#include "apps/common/score_inputs.h"
#include "apps/common/score_parts.h"
#include "apps/common/synthetic_set.h"
#include "apps/programs.h"
#include "engine/io/atomic_file.h"
#include "engine/io/png.h"
#include "engine/stop_scope.h"
#include "models/data/dataset_hash.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStatistics = "statistics.safetensors";
constexpr const char* kTable = "score.csv";
constexpr dim_t kSheetImages = 100;

/// What belongs to one call of the program.
struct Run {
  const ScoreSettings& settings;
  Program& program;
  ScoreInputs inputs;
  ScoreTable table = {};
};

void say(Run& run, const std::string& what) {
  leave_if_stopped("images were judged");
  if (!run.settings.common.quiet) *run.program.call().err << what << std::endl;
}

ImageFeatures look(const Run& run, const Viewer& viewer, const ImageDataset& images) {
  return image_features(*viewer.classifier.network, images,
                        {.batch_size = run.settings.batch_size, .normalization = viewer.classifier.normalization});
}

BootstrapPlan bootstrap(const Run& run) {
  return {.resamples = run.settings.resamples, .seed = run.settings.common.seed};
}

void judge(Run& run, const Viewer& viewer, const std::string& role, const ImageFeatures& seen) {
  if (viewer.classifier.network->num_classes() != run.inputs.made.num_classes) {
    add_warning(run.table,
                message("no accuracy by ", viewer.label, ": it has ", viewer.classifier.network->num_classes(),
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
  const dim_t shown = std::min<dim_t>(run.settings.pictures, made.features.rows);
  if (shown > 0 && run.table.extractors.empty())
    io::write_png(
        dir / "images" / "final_beside_nearest_real.png",
        nearest_sheet(run.inputs.made, made.features, run.inputs.real, real.features, shown, run.program.device()));
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
    warn_about(table, entry);
    table.extractors.push_back(std::move(entry));
  }
  for (const Viewer& viewer : run.inputs.judges) {
    say(run, message(viewer.label, ": accuracy"));
    const bool inverted = viewer.sha256 == run.inputs.inverted_sha256;
    judge(run, viewer, inverted ? "inverted classifier" : "judge", look(run, viewer, run.inputs.made));
  }
  if (!run.inputs.statistics) add_channels(table, run.inputs.made, run.inputs.real);
  warn_of_counts(table);
  write_sheet(dir / "images" / "final.png", run.inputs.made, kSheetImages);
  write_results(run, dir);
  return {.text = score_text(table)};
}

Outcome make_statistics(Run& run, RunDir& dir) {
  const Viewer& viewer = run.inputs.extractors.front();
  say(run, message(viewer.label, ": features"));
  FeatureStatistics statistics{.moments = moments(look(run, viewer, run.inputs.real).features),
                               .extractor_sha256 = viewer.sha256,
                               .dataset = run.inputs.real.name,
                               .dataset_sha256 = dataset_sha256(run.inputs.real),
                               .floor = {}};
  if (run.inputs.test.count >= 2) {
    say(run, message(viewer.label, ": test images"));
    statistics.floor = fid_floor(statistics.moments, look(run, viewer, run.inputs.test).features);
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
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  Program program(cli, settings.common);
  Run run{settings, program, read_score_inputs(settings, program)};
  if (program.only_checks()) return program.check();
  program.open_anew({kScoreFile, kTable, kStatistics, "images/*.png"});
  return program.run([&](RunDir& dir) { return settings.statistics ? make_statistics(run, dir) : score(run, dir); });
}

}  // namespace engram::apps
