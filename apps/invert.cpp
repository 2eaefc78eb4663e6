/// engram-invert: makes images like a classifier's training set from the classifier alone.

#include <cstdio>

#include "apps/common/exit_code.h"
#include "apps/common/inversion_result.h"
#include "apps/common/invert_settings.h"
#include "apps/common/program.h"
#include "apps/common/synthetic_set.h"
#include "apps/common/time_estimate.h"
#include "apps/programs.h"
#include "models/data/image_folder.h"
#include "models/methods/inversion/synthetic_images.h"
#include "models/training/checkpoint.h"
#include "models/training/fit.h"

namespace engram::apps {
namespace {

/// What belongs to one call of the program.
struct Run {
  const InvertSettings& settings;
  Program& program;
  InversionOptions options = {};
  PixelScaling scaling = PixelScaling::kPerImage;
  Classifier classifier = {};
  // Where the run goes on.
  std::int64_t first_batch = 0, first_step = 0;
  std::unique_ptr<Inversion> batch = {};  ///< the one that a checkpoint was restored to
};

/// The state of a batch in the making.
std::filesystem::path checkpoint_file(const std::filesystem::path& folder, std::int64_t batch) {
  char name[64];
  std::snprintf(name, sizeof name, "checkpoint_%04lld.safetensors", static_cast<long long>(batch));
  return folder / name;
}

std::string batch_fingerprint(const Run& run, std::int64_t batch) {
  return run.program.fingerprint() + " batch " + std::to_string(batch);
}

std::unique_ptr<Inversion> start_batch(Run& run, std::int64_t batch) {
  return start_inversion(*run.classifier.network, run.options, run.settings.common.seed, batch);
}

/// Finds where the run stopped, and restores the batch that it was in.
void find_place(Run& run, const RunDir& dir) {
  const InvertSettings& s = run.settings;
  while (run.first_batch < s.num_batches && std::filesystem::exists(batch_file(dir.path(), run.first_batch))) {
    std::filesystem::remove(checkpoint_file(dir.path(), run.first_batch));  // it was killed before it could
    ++run.first_batch;
  }
  const std::filesystem::path checkpoint = checkpoint_file(dir.path(), run.first_batch);
  if (run.first_batch == s.num_batches || !std::filesystem::exists(checkpoint)) return;
  run.batch = start_batch(run, run.first_batch);
  run.first_step = load_checkpoint(checkpoint, *run.batch, batch_fingerprint(run, run.first_batch), s.iterations);
}

void open_run(Run& run) {
  RunDir& dir =
      run.program.open({"samples.safetensors", "checkpoint_*.safetensors", "batches/batch_*.safetensors",
                        "images/batch*.png", "images/final.png", "samples/s*/*_output_*.png", kRecognitionFile});
  if (!run.program.resumes()) return;
  find_place(run, dir);
  dir.continue_after(run.first_batch * run.settings.iterations + run.first_step - 1);
}

std::filesystem::path grid_file(const RunDir& dir, std::int64_t batch, std::int64_t step) {
  char name[64];
  std::snprintf(name, sizeof name, "batch%04lld_%06lld.png", static_cast<long long>(batch),
                static_cast<long long>(step));
  return dir / "images" / name;
}

ImageDataset images_of(const Run& run, const Tensor& images, const Inversion& batch) {
  return synthetic_batch(to_pixels(images, run.scaling, run.classifier.normalization), batch.labels(), run.classifier);
}

/// What each term contributes to the total by its coefficient. The values are those of inversion_meters().
std::vector<io::JsonField> contributions(const MeterValues& v, const InversionWeights& weights) {
  return {{"contribution/ce", v[1].value},
          {"contribution/bn", weights.bn * (v[2].value + v[3].value)},
          {"contribution/tv", weights.tv * v[4].value},
          {"contribution/l2", weights.l2 * v[5].value}};
}

/// Pictures, metrics and progress of a batch.
class BatchObserver : public FitObserver {
 public:
  BatchObserver(Run& run, RunDir& dir, TimeEstimate& estimate, Inversion& batch, std::int64_t index,
                std::int64_t first_step)
      : run_(run),
        dir_(dir),
        estimate_(estimate),
        batch_(batch),
        index_(index),
        progress_(message("batch ", index + 1, "/", run.settings.num_batches), run.settings.iterations,
                  run.program.progress(), first_step) {}

  void before_step(dim_t step) override {
    if (step % run_.settings.grid_every == 0) picture(images_of(run_, batch_.current_images(), batch_), step);
  }
  void on_report(dim_t step, const MeterValues& values) override {
    std::vector<io::JsonField> fields = contributions(values, run_.options.weights);
    for (const MeterValue& meter : values) fields.push_back({meter.name, meter.value});
    fields.push_back({"mem/peak_mib", peak_mib(run_.program.device())});
    dir_.metrics(index_ * run_.settings.iterations + step, fields);
  }
  void on_step(dim_t step, const MeterValues& v) override {
    progress_.update(step + 1,
                     {{"loss", v[0].value}, {"ce", v[1].value}, {"bn", v[2].value + v[3].value}, {"tv", v[4].value}});
    if (const auto text = estimate_.step(); text && !run_.settings.common.quiet) progress_.message(*text);
  }
  bool stop_requested() override { return run_.program.stop_requested(); }

  void picture(const ImageDataset& images, std::int64_t step) {
    const io::Image sheet = write_sheet(grid_file(dir_, index_, step), images, run_.settings.grid_images);
    dir_.image(message("batch ", index_ + 1), index_ * run_.settings.iterations + step, sheet);
  }

 private:
  Run& run_;
  RunDir& dir_;
  TimeEstimate& estimate_;
  Inversion& batch_;
  std::int64_t index_;
  Progress progress_;
};

/// One batch from where it stands to its files. Returns false when a signal stopped it, which leaves a checkpoint.
bool make_batch(Run& run, RunDir& dir, TimeEstimate& estimate, std::int64_t index) {
  const InvertSettings& s = run.settings;
  const std::int64_t first_step = run.batch ? run.first_step : 0;
  const std::unique_ptr<Inversion> batch = run.batch ? std::move(run.batch) : start_batch(run, index);
  const std::filesystem::path checkpoint = checkpoint_file(dir.path(), index);
  BatchObserver observer(run, dir, estimate, *batch, index, first_step);
  StepRunner runner(*batch, s.graph);
  const FitResult result = fit(*batch, runner,
                               {.total_steps = s.iterations,
                                .steps_per_epoch = s.iterations,
                                .first_step = first_step,
                                .checkpoint = checkpoint,
                                .checkpoint_steps = s.checkpoint_steps,
                                .checkpoint_at_end = false,
                                .fingerprint = batch_fingerprint(run, index)},
                               observer);
  if (result.interrupted) return false;
  const ImageDataset data = images_of(run, batch->result(), *batch);
  observer.picture(data, s.iterations);
  write_sample_pngs(dir.path(), data, index);
  std::filesystem::create_directories(dir / "batches");
  write_packed_images(batch_file(dir.path(), index), data);  // last: its presence says that the batch is complete
  std::filesystem::remove(checkpoint);
  return true;
}

/// The set of all batches, and what the classifier says of it.
Outcome finish(const Run& run, RunDir& dir) {
  const InvertSettings& s = run.settings;
  const int classes = run.classifier.network->num_classes();
  const std::filesystem::path packed = pack_batches(dir.path(), s.num_batches, classes);
  const Recognition own =
      write_inversion_result(dir, read_packed_images(packed, classes), run.classifier, s, s.num_batches * s.iterations);
  dir.set_fact("classifier_accuracy_on_samples", own.share());
  dir.set_fact("samples", own.images);
  return {.text = message("samples: ", packed.string(), " and ", (dir / "samples").string(),
                          "\npictures: ", (dir / "images").string(), "\n", recognition_text(own))};
}

/// Reads the classifier.
void prepare(Run& run) {
  const InvertSettings& s = run.settings;
  run.program.add_input("classifier", classifier_file(s.classifier));
  run.classifier =
      open_classifier(s.classifier, s.assumed, run.program.device(), s.common.quiet ? nullptr : run.program.call().err);
  if (const dim_t channels = run.classifier.network->image().channels; channels != 1 && channels != 3)
    throw DataError(message(s.classifier.string(), ": expected a classifier of images with 1 or 3 channels, which can ",
                            "be shown, got ", channels));
  run.options = inversion_options(s, run.classifier.network->num_classes());
  run.scaling = parse_pixel_scaling(s.pixels);
}

Outcome invert(Run& run, RunDir& dir) {
  const InvertSettings& s = run.settings;
  TimeEstimate estimate((s.num_batches - run.first_batch) * s.iterations - run.first_step);
  for (std::int64_t batch = run.first_batch; batch < s.num_batches; ++batch)
    if (!make_batch(run, dir, estimate, batch)) return {.stopped = message("in batch ", batch + 1)};
  return finish(run, dir);
}

}  // namespace

int run_invert(Call& call) {
  InvertSettings settings;
  Cli cli(call, "Makes images like the training set of a classifier, from the classifier alone, without any data.");
  add_invert_settings(cli, settings);
  if (!cli.parse()) return kExitOk;
  Program program(cli, settings.common);
  Run run{settings, program};
  prepare(run);
  open_run(run);
  return program.run([&](RunDir& dir) { return invert(run, dir); });
}

}  // namespace engram::apps
