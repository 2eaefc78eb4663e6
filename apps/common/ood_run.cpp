#include "apps/common/ood_run.h"

#include "apps/common/ood_pictures.h"
#include "apps/common/ood_report.h"
#include "engine/io/png.h"
#include "models/classifier_file.h"
#include "models/data/class_names.h"

namespace engram::apps {

OodObserver::OodObserver(OodRun& run, OodTraining& training, RunDir* dir, const std::string& label,
                         std::vector<OodScores> history, dim_t first_step)
    : run_(run),
      training_(training),
      dir_(dir),
      progress_(label, training.task().total_steps(), run.program.progress(), first_step),
      history_(std::move(history)) {}

void OodObserver::on_report(dim_t step, const MeterValues& values) {
  if (dir_ == nullptr) return;
  std::vector<io::JsonField> fields;
  for (const MeterValue& meter : values) fields.push_back({meter.name, meter.value});
  fields.push_back({"train/lr", training_.task().learning_rate(step)});
  fields.push_back({"mem/peak_mib", peak_mib(run_.program.device())});
  dir_->metrics(step, fields);
}

void OodObserver::on_step(dim_t step, const MeterValues& latest) {
  progress_.update(step + 1, {{"loss", latest[0].value}, {"lr", training_.task().learning_rate(step)}});
}

void OodObserver::on_epoch(dim_t, dim_t step, const MeterValues&) {
  history_.push_back(training_.evaluate(step));
  const OodScores& scores = history_.back();
  if (dir_ == nullptr) return;
  write_ood_scores(*dir_, scores);
  progress_.message(ood_scores_text(scores));
  if (choose_by_training_domains(history_).step == step) save(kOodSelected);
}

bool OodObserver::stop_requested() {
  return run_.program.stop_requested();
}

void OodObserver::before_checkpoint() {
  if (dir_ != nullptr) dir_->seal_metrics();
}

void OodObserver::save(const char* name) const {
  Network& network = training_.task().deployed();
  const ImageDataset& images = run_.data.train.front().images;
  std::map<std::string, std::string> notes = {{"dataset", images.name}, {"method", run_.settings.method}};
  if (network.num_classes() == images.num_classes) notes["class_names"] = join_class_names(images.class_names);
  save_classifier(*dir_ / name, network, images.normalization, notes);
}

FitOptions ood_fit_options(const OodSettings& s) {
  return {.total_steps = s.steps, .steps_per_epoch = s.evaluate_every};
}

void write_environment_sheet(const OodRun& run, RunDir& dir) {
  std::filesystem::create_directories(dir / "images");
  Environments shown = run.data.train;
  shown.insert(shown.end(), run.data.test.begin(), run.data.test.end());
  const io::Image sheet = environment_sheet(shown, 20);
  io::write_png(dir / "images/environments.png", sheet);
  dir.image("environments", 0, sheet);
}

}  // namespace engram::apps
