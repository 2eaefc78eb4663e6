/// engram-train: trains a classifier on a labelled image set.

#include <iostream>

#include "apps/common/exit_code.h"
#include "apps/common/main_wrapper.h"
#include "apps/common/progress.h"
#include "apps/common/report.h"
#include "apps/common/signals.h"
#include "apps/common/train_settings.h"
#include "engine/ops/conv2d.h"
#include "engine/profiler.h"
#include "engine/roofline.h"
#include "models/classifier_file.h"
#include "models/data/dataset_hash.h"
#include "models/data/network_images.h"
#include "models/data/open_dataset.h"
#include "models/training/evaluate.h"

namespace engram::apps {
namespace {

constexpr const char* kCheckpoint = "checkpoint.safetensors";
constexpr const char* kClassifier = "classifier.safetensors";

/// What belongs to one call of the program.
struct Run {
  TrainSettings settings;
  std::string fingerprint;
  ImageDataset train, test;
  OpenedDevice opened;
  std::unique_ptr<Network> network;
  std::unique_ptr<Trainer> trainer;
};

RunDir open_run_dir(const Cli& cli, Run& run, int threads) {
  const TrainSettings& s = run.settings;
  RunInfo info = run_info(cli, s.common, threads);
  info.files = {kCheckpoint, kClassifier};
  info.add_input("data", s.data, {{"data/train", dataset_sha256(run.train)}, {"data/test", dataset_sha256(run.test)}});
  if (!s.init.empty()) info.add_input("init", s.init);
  if (s.resume.empty()) return RunDir::create(s.common.out, s.common.force, info);
  RunDir dir = RunDir::resume(s.resume, info);
  // Killed before its first checkpoint, it starts from the beginning.
  if (std::filesystem::exists(dir / kCheckpoint)) run.trainer->resume(dir / kCheckpoint, run.fingerprint);
  dir.continue_after(run.trainer->next_step() - 1);
  return dir;
}

/// A network of the settings' architecture with the weights of the classifier file.
std::unique_ptr<Network> initial_network(const TrainSettings& s, int num_classes, Device device) {
  Classifier initial = load_classifier(s.init, {.arch = s.arch, .num_classes = num_classes, .device = device});
  Network& network = *initial.network;
  if (network.arch() != s.arch || network.num_classes() != num_classes)
    throw DataError(message("--init: expected a ", s.arch, " of ", num_classes, " classes in ", s.init.string(),
                            ", got a ", network.arch(), " of ", network.num_classes()));
  network.train();
  network.set_requires_grad(true);
  return std::move(initial.network);
}

void prepare(const Cli& cli, Run& run, int threads) {
  TrainSettings& s = run.settings;
  set_conv_policy(s.exact ? kernels::ConvPolicy::kExact : kernels::ConvPolicy::kFast);
  run.train = network_images(open_dataset(s.dataset, s.data, Split::kTrain), {}, s.data.string());
  run.test = network_images(open_dataset(s.dataset, s.data, Split::kTest), {}, s.data.string());
  if (s.limit_train > 0 && s.limit_train < run.train.count) {
    std::vector<dim_t> first(static_cast<std::size_t>(s.limit_train));
    for (dim_t i = 0; i < s.limit_train; ++i) first[std::size_t(i)] = i;
    run.train = select(run.train, first);
  }
  run.opened = open_device(s.common);
  const Device device = run.opened.device;
  run.network = s.init.empty() ? make_network(s.arch, run.train.num_classes, {.seed = s.common.seed, .device = device})
                               : initial_network(s, run.train.num_classes, device);
  run.trainer = std::make_unique<Trainer>(*run.network, run.train, trainer_options(s, run.train.count));
  // Bits depend on the thread count through oneDNN's weight gradients.
  run.fingerprint = cli.resolved_config() + " threads " + std::to_string(threads);
}

/// Accuracy on the test images, with and without mirrored copies, into the metrics and onto the screen.
double report_evaluation(Run& run, RunDir& dir, Progress& progress, dim_t epoch) {
  const Evaluation plain = evaluate(run.trainer->result(), run.test);
  const dim_t step = run.trainer->next_step() - 1;
  std::vector<io::JsonField> fields = {
      {"epoch", epoch + 1}, {"test/accuracy", plain.accuracy()}, {"test/loss", plain.mean_loss}};
  std::string text = message("epoch ", epoch + 1, "  test accuracy ", 100 * plain.accuracy(), " %");
  if (run.settings.test_flip) {
    const double flipped = evaluate(run.trainer->result(), run.test, {.flip = true}).accuracy();
    fields.push_back({"test/accuracy_flip", flipped});
    text += message("  with mirror images ", 100 * flipped, " %");
  }
  dir.metrics(step, fields);
  progress.message(text);
  return plain.accuracy();
}

int interrupt(Run& run, RunDir& dir) {
  run.trainer->save(dir / kCheckpoint, run.fingerprint);
  write_report(dir);
  dir.finish("interrupted");
  std::cerr << "stopped after step " << run.trainer->next_step() << "; continue with --resume " << dir.path().string()
            << "\n";
  return kExitInterrupted;
}

int train(Run& run, RunDir& dir) {
  Trainer& trainer = *run.trainer;
  Progress progress("train", trainer.total_steps(), standard_progress(run.settings.common.quiet), trainer.next_step());
  double epoch_loss = 0, accuracy = 0;
  dim_t epoch_correct = 0, epoch_count = 0, epoch_steps = 0;
  while (!trainer.done()) {
    const TrainStep step = trainer.step();
    epoch_loss += step.loss;
    epoch_correct += step.correct;
    epoch_count += step.count;
    ++epoch_steps;
    if (step.step % 20 == 0)
      dir.metrics(
          step.step,
          {{"train/loss", step.loss}, {"train/lr", step.learning_rate}, {"mem/peak_mib", peak_mib(run.opened.device)}});
    progress.update(trainer.next_step(), {{"loss", step.loss}, {"lr", step.learning_rate}});
    if (step.last_of_epoch) {
      dir.metrics(step.step, {{"epoch", step.epoch + 1},
                              {"train/epoch_loss", epoch_loss / double(epoch_steps)},
                              {"train/accuracy", double(epoch_correct) / double(epoch_count)}});
      epoch_loss = 0;
      epoch_correct = epoch_count = epoch_steps = 0;
      if ((step.epoch + 1) % run.settings.evaluate_every == 0 || trainer.done())
        accuracy = report_evaluation(run, dir, progress, step.epoch);
    }
    const bool due = run.settings.checkpoint_steps > 0 ? trainer.next_step() % run.settings.checkpoint_steps == 0
                                                       : step.last_of_epoch;
    if (due) trainer.save(dir / kCheckpoint, run.fingerprint);
    if (stop_requested() && !trainer.done()) return interrupt(run, dir);
  }
  progress.finish();
  save_classifier(dir / kClassifier, trainer.result(), run.train.normalization, {{"dataset", run.train.name}},
                  run.settings.precision == "f16" ? WeightPrecision::kF16 : WeightPrecision::kF32);
  dir.set_fact("test_accuracy", accuracy);
  dir.set_fact("parameters", run.network->num_parameters());
  dir.set_end("complete");
  const std::filesystem::path report = write_report(dir);
  dir.finish();
  std::cout << "classifier: " << (dir / kClassifier).string() << "\n"
            << "report: " << report.string() << "\n";
  if (run.settings.profile) std::cout << profiler::table(measure_roofline(run.opened.device));
  return kExitOk;
}

int program(int argc, char** argv) {
  Run run;
  Cli cli("engram-train", "Trains a classifier and writes it, with its metrics and checkpoints, to a run folder.");
  add_train_settings(cli, run.settings);
  if (!cli.parse(argc, argv)) return kExitOk;
  const int threads = apply_threads(run.settings.common);
  profiler::enable(run.settings.profile);
  prepare(cli, run, threads);
  RunDir dir = open_run_dir(cli, run, threads);
  say_device(run.settings.common, run.opened);
  return train(run, dir);
}

}  // namespace
}  // namespace engram::apps

int main(int argc, char** argv) {
  return engram::apps::run_main("engram-train", [&] { return engram::apps::program(argc, argv); });
}
