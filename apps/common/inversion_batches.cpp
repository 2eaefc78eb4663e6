#include "apps/common/inversion_batches.h"

#include <cstdio>
#include <utility>

#include "apps/common/synthetic_set.h"
#include "models/data/image_folder.h"
#include "models/training/checkpoint.h"
#include "models/training/fit.h"

namespace engram::apps {
namespace {

/// The state of a batch in the making.
std::filesystem::path checkpoint_file(const RunDir& dir, std::int64_t batch) {
  char name[64];
  std::snprintf(name, sizeof name, "checkpoint_%04lld.safetensors", static_cast<long long>(batch));
  return dir / name;
}

std::filesystem::path grid_file(const RunDir& dir, std::int64_t batch, std::int64_t step) {
  char name[64];
  std::snprintf(name, sizeof name, "batch%04lld_%06lld.png", static_cast<long long>(batch),
                static_cast<long long>(step));
  return dir / "images" / name;
}

/// What each term contributes to the total by its coefficient. The values are those of inversion_meters().
std::vector<io::JsonField> contributions(const MeterValues& v, const InversionWeights& weights) {
  return {{"contribution/ce", v[1].value},
          {"contribution/bn", weights.bn * (v[2].value + v[3].value)},
          {"contribution/tv", weights.tv * v[4].value},
          {"contribution/l2", weights.l2 * v[5].value}};
}

/// What the pictures of a batch show, and how.
struct Look {
  const Classifier& classifier;
  PixelScaling scaling;

  ImageDataset images(const Tensor& images, const Inversion& batch) const {
    return synthetic_batch(to_pixels(images, scaling, classifier.normalization), batch.labels(), classifier);
  }
};

/// Pictures, metrics and progress of a batch.
class BatchObserver : public FitObserver {
 public:
  BatchObserver(const Program& program, const InvertSettings& settings, RunDir& dir, const Look& look,
                const InversionWeights& weights, TimeEstimate& estimate, Inversion& batch, std::int64_t index,
                std::int64_t first_step)
      : program_(program),
        settings_(settings),
        dir_(dir),
        look_(look),
        weights_(weights),
        estimate_(estimate),
        batch_(batch),
        index_(index),
        progress_(message("batch ", index + 1, "/", settings.num_batches), settings.iterations, program.progress(),
                  first_step) {}

  void before_step(dim_t step) override {
    if (step % settings_.grid_every == 0) picture(look_.images(batch_.current_images(), batch_), step);
  }
  void on_report(dim_t step, const MeterValues& values) override {
    std::vector<io::JsonField> fields = contributions(values, weights_);
    for (const MeterValue& meter : values) fields.push_back({meter.name, meter.value});
    fields.push_back({"mem/peak_mib", peak_mib(batch_.device())});
    dir_.metrics(index_ * settings_.iterations + step, fields);
  }
  void on_step(dim_t step, const MeterValues& v) override {
    progress_.update(step + 1,
                     {{"loss", v[0].value}, {"ce", v[1].value}, {"bn", v[2].value + v[3].value}, {"tv", v[4].value}});
    if (const auto text = estimate_.step(); text && !settings_.common.quiet) progress_.message(*text);
  }
  bool stop_requested() override { return program_.stop_requested(); }

  void picture(const ImageDataset& images, std::int64_t step) {
    const io::Image sheet = write_sheet(grid_file(dir_, index_, step), images, settings_.grid_images);
    dir_.image(message("batch ", index_ + 1), index_ * settings_.iterations + step, sheet);
  }

 private:
  const Program& program_;
  const InvertSettings& settings_;
  RunDir& dir_;
  const Look& look_;
  const InversionWeights weights_;
  TimeEstimate& estimate_;
  Inversion& batch_;
  std::int64_t index_;
  Progress progress_;
};

}  // namespace

InversionBatches::InversionBatches(const Program& program, const InvertSettings& settings, const Classifier& classifier)
    : program_(program),
      settings_(settings),
      classifier_(classifier),
      options_(inversion_options(settings, classifier.network->num_classes())),
      scaling_(parse_pixel_scaling(settings.pixels)) {}

FilePatterns InversionBatches::files() {
  return {"checkpoint_*.safetensors", "batches/batch_*.safetensors", "images/batch*.png", "samples/s*/*_output_*.png"};
}

std::unique_ptr<Inversion> InversionBatches::start(std::int64_t index) const {
  return start_inversion(*classifier_.network, options_, settings_.common.seed, index);
}

std::string InversionBatches::fingerprint(std::int64_t index) const {
  return program_.fingerprint() + " batch " + std::to_string(index);
}

void InversionBatches::take_up(RunDir& dir) {
  const InvertSettings& s = settings_;
  while (first_batch_ < s.num_batches && std::filesystem::exists(batch_file(dir.path(), first_batch_))) {
    std::filesystem::remove(checkpoint_file(dir, first_batch_));  // it was killed before it could
    ++first_batch_;
  }
  const std::filesystem::path checkpoint = checkpoint_file(dir, first_batch_);
  if (first_batch_ < s.num_batches && std::filesystem::exists(checkpoint)) {
    restored_ = start(first_batch_);
    first_step_ = load_checkpoint(checkpoint, *restored_, fingerprint(first_batch_), s.iterations);
  }
  dir.continue_after(first_batch_ * s.iterations + first_step_ - 1);
}

std::string InversionBatches::make(RunDir& dir) {
  const InvertSettings& s = settings_;
  TimeEstimate estimate((s.num_batches - first_batch_) * s.iterations - first_step_);
  for (std::int64_t index = first_batch_; index < s.num_batches; ++index)
    if (!make_batch(dir, index, estimate)) return message("in batch ", index + 1);
  return "";
}

/// One batch from where it stands to its files. Returns false when a signal stopped it.
bool InversionBatches::make_batch(RunDir& dir, std::int64_t index, TimeEstimate& estimate) {
  const std::int64_t first_step = restored_ ? first_step_ : 0;
  const std::unique_ptr<Inversion> batch = restored_ ? std::move(restored_) : start(index);
  const std::filesystem::path checkpoint = checkpoint_file(dir, index);
  const Look look{classifier_, scaling_};
  BatchObserver observer(program_, settings_, dir, look, options_.weights, estimate, *batch, index, first_step);
  StepRunner runner(*batch, settings_.graph);
  const FitResult result = fit(*batch, runner,
                               {.total_steps = settings_.iterations,
                                .steps_per_epoch = settings_.iterations,
                                .first_step = first_step,
                                .checkpoint = checkpoint,
                                .checkpoint_steps = settings_.checkpoint_steps,
                                .checkpoint_at_end = false,
                                .fingerprint = fingerprint(index)},
                               observer);
  if (result.interrupted) return false;
  const ImageDataset data = look.images(batch->result(), *batch);
  observer.picture(data, settings_.iterations);
  write_sample_pngs(dir.path(), data, index);
  std::filesystem::create_directories(dir / "batches");
  write_packed_images(batch_file(dir.path(), index), data);  // last: its presence says that the batch is complete
  std::filesystem::remove(checkpoint);
  return true;
}

}  // namespace engram::apps
