#include "apps/common/inversion_batches.h"

#include <cstdio>
#include <string_view>
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

/// What each term contributes to the total by its coefficient, for the methods whose values are those of
/// inversion_meters().
std::vector<io::JsonField> contributions(const MeterValues& v, const InversionWeights& weights) {
  if (v.size() < 6 || v[2].name != "loss/bn_var") return {};
  return {{"contribution/ce", v[1].value},
          {"contribution/bn", weights.bn * (v[2].value + v[3].value)},
          {"contribution/tv", weights.tv * v[4].value},
          {"contribution/l2", weights.l2 * v[5].value}};
}

/// The first values for a progress line, by the last word of their names, which `values` keeps.
std::vector<ProgressValue> shown(const MeterValues& values) {
  std::vector<ProgressValue> words;
  for (const MeterValue& value : values)
    if (words.size() < 4)
      words.push_back({std::string_view(value.name).substr(value.name.rfind('/') + 1), value.value});
  return words;
}

/// What the pictures of a batch show, and how.
struct Look {
  const Classifier& classifier;
  PixelScaling scaling;

  ImageDataset images(const Tensor& images, const Inversion& batch) const {
    const PixelScaling own = batch.in_unit_range() ? PixelScaling::kUnit : scaling;
    return synthetic_batch(to_pixels(images, own, classifier.normalization), batch.labels(), classifier);
  }
};

/// Pictures, metrics and progress of a batch.
class BatchObserver : public FitObserver {
 public:
  BatchObserver(const Program& program, const InvertSettings& settings, RunDir& dir, const Look& look,
                const InversionWeights& weights, TimeEstimate& estimate, Inversion& batch, std::int64_t index,
                std::int64_t steps_before, std::int64_t first_step)
      : program_(program),
        settings_(settings),
        dir_(dir),
        look_(look),
        weights_(weights),
        estimate_(estimate),
        batch_(batch),
        index_(index),
        steps_before_(steps_before),
        progress_(message("batch ", index + 1, "/", settings.num_batches), settings.iterations, program.progress(),
                  first_step) {}

  void before_step(dim_t step) override {
    if (step % settings_.grid_every == 0) picture(look_.images(batch_.current_images(), batch_), step);
  }
  void on_report(dim_t step, const MeterValues& values) override {
    std::vector<io::JsonField> fields = contributions(values, weights_);
    for (const MeterValue& meter : values) fields.push_back({meter.name, meter.value});
    fields.push_back({"mem/peak_mib", peak_mib(batch_.device())});
    dir_.metrics(steps_before_ + step, fields);
  }
  void on_step(dim_t step, const MeterValues& v) override {
    progress_.update(step + 1, shown(v));
    if (const auto text = estimate_.step()) progress_.message(*text);
  }
  bool stop_requested() override { return program_.stop_requested(); }
  void before_checkpoint() override { dir_.seal_metrics(); }

  void picture(const ImageDataset& images, std::int64_t step) {
    const io::Image sheet = write_sheet(grid_file(dir_, index_, step), images, settings_.grid_images);
    dir_.image(message("batch ", index_ + 1), steps_before_ + step, sheet);
  }

 private:
  const Program& program_;
  const InvertSettings& settings_;
  RunDir& dir_;
  const Look& look_;
  const InversionWeights weights_;
  TimeEstimate& estimate_;
  Inversion& batch_;
  std::int64_t index_, steps_before_;  // of the run, before this batch
  Progress progress_;
};

}  // namespace

InversionBatches::InversionBatches(const Program& program, const InvertSettings& settings, const Classifier& classifier,
                                   Network* student)
    : program_(program),
      settings_(settings),
      classifier_(classifier),
      options_(inversion_options(settings, classifier.network->num_classes())),
      scaling_(parse_pixel_scaling(settings.pixels)),
      batches_(batches_of_shard(settings)) {
  options_.student = student;
  options_.normalization = classifier.normalization;
  batch_ = start(batches_.front());  // what does not fit is said before there is a folder
}

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
  const int classes = classifier_.network->num_classes();
  while (first_place_ < batches_.size() && has_batch(dir.path(), batches_[first_place_], s.batch_size, classes)) {
    std::filesystem::remove(checkpoint_file(dir, batches_[first_place_]));  // it was killed before it could
    ++first_place_;
  }
  if (first_place_ > 0) batch_.reset();
  if (first_place_ < batches_.size()) {
    const std::int64_t index = batches_[first_place_];
    if (const std::filesystem::path checkpoint = checkpoint_file(dir, index); std::filesystem::exists(checkpoint)) {
      batch_ = start(index);
      first_step_ = load_checkpoint(checkpoint, *batch_, fingerprint(index), s.iterations);
    }
  }
  dir.continue_after(std::int64_t(first_place_) * s.iterations + first_step_ - 1);
}

std::string InversionBatches::make(RunDir& dir) {
  TimeEstimate estimate((std::int64_t(batches_.size()) - std::int64_t(first_place_)) * settings_.iterations -
                        first_step_);
  for (std::size_t place = first_place_; place < batches_.size(); ++place)
    if (!make_batch(dir, place, estimate)) return message("in batch ", batches_[place] + 1);
  return "";
}

/// One batch from where it stands to its files. Returns false when a signal stopped it.
bool InversionBatches::make_batch(RunDir& dir, std::size_t place, TimeEstimate& estimate) {
  const std::int64_t index = batches_[place], first_step = std::exchange(first_step_, 0);
  if (!batch_) batch_ = start(index);
  const std::filesystem::path checkpoint = checkpoint_file(dir, index);
  const Look look{classifier_, scaling_};
  BatchObserver observer(program_, settings_, dir, look, options_.weights, estimate, *batch_, index,
                         std::int64_t(place) * settings_.iterations, first_step);
  StepRunner runner(*batch_, settings_.graph);
  const FitResult result = fit(*batch_, runner,
                               {.total_steps = settings_.iterations,
                                .steps_per_epoch = settings_.iterations,
                                .first_step = first_step,
                                .checkpoint = checkpoint,
                                .checkpoint_steps = settings_.checkpoint_steps,
                                .checkpoint_at_end = false,
                                .fingerprint = fingerprint(index)},
                               observer);
  if (result.interrupted) return false;
  const ImageDataset data = look.images(batch_->result(), *batch_);
  observer.picture(data, settings_.iterations);
  write_sample_pngs(dir.path(), data, index);
  dir.seal_metrics();
  go_on(dir, place);
  write_batch(dir.path(), index, data);  // last: its presence says that the batch is complete
  std::filesystem::remove(checkpoint);
  return true;
}

/// What follows a batch: for batches that learn from it the same object, whose state lies in the next one's checkpoint
/// before this one counts as complete; else nothing.
void InversionBatches::go_on(RunDir& dir, std::size_t place) {
  if (!batch_->carries()) {
    batch_.reset();
    return;
  }
  if (place + 1 == batches_.size()) return;
  const std::int64_t next = batches_[place + 1];
  batch_->next_batch(next);
  save_checkpoint(checkpoint_file(dir, next), *batch_, 0, fingerprint(next));
}

}  // namespace engram::apps
