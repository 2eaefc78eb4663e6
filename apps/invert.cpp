/// engram-invert: makes images like a classifier's training set from the classifier alone.

#include <cstdio>
#include <iostream>

#include "apps/common/exit_code.h"
#include "apps/common/invert_settings.h"
#include "apps/common/main_wrapper.h"
#include "apps/common/progress.h"
#include "apps/common/report.h"
#include "apps/common/signals.h"
#include "apps/common/synthetic_set.h"
#include "engine/ops/conv2d.h"
#include "engine/profiler.h"
#include "engine/roofline.h"
#include "models/classifier_file.h"
#include "models/data/image_folder.h"
#include "models/methods/synthetic_images.h"
#include "models/training/evaluate.h"

namespace engram::apps {
namespace {

/// What belongs to one call of the program.
struct Run {
  InvertSettings settings;
  InversionOptions options;
  PixelScaling scaling = PixelScaling::kPerImage;
  OpenedDevice opened;
  Classifier classifier;
};

/// How many batches are there, up to the first that is not; those after it are made again.
std::int64_t complete_batches(const RunDir& dir, std::int64_t all) {
  std::int64_t done = 0;
  while (done < all && std::filesystem::exists(batch_file(dir.path(), done))) ++done;
  return done;
}

RunDir open_run_dir(const Cli& cli, const Run& run, int threads) {
  const InvertSettings& s = run.settings;
  RunInfo info = run_info(cli, s.common, threads);
  info.files = {"samples.safetensors", "batches/batch_*.safetensors", "images/batch*.png", "samples/s*/*_output_*.png"};
  info.add_input("classifier", s.classifier);
  if (s.resume.empty()) return RunDir::create(s.common.out, s.common.force, info);
  RunDir dir = RunDir::resume(s.resume, info);
  dir.continue_after(complete_batches(dir, s.num_batches) * s.iterations - 1);
  return dir;
}

void report_step(RunDir& dir, std::int64_t step, const InversionTerms& terms, const Device& device) {
  dir.metrics(step, {{"loss/total", terms.total},
                     {"loss/ce", terms.ce},
                     {"loss/bn_var", terms.bn_var},
                     {"loss/bn_mean", terms.bn_mean},
                     {"loss/tv", terms.tv},
                     {"loss/l2", terms.l2},
                     {"mem/peak_mib", peak_mib(device)}});
}

std::filesystem::path grid_file(const RunDir& dir, std::int64_t batch, std::int64_t step) {
  char name[64];
  std::snprintf(name, sizeof name, "batch%04lld_%06lld.png", static_cast<long long>(batch),
                static_cast<long long>(step));
  return dir / "images" / name;
}

/// One batch from start to files. Returns false when a signal stopped it; nothing of it is kept then.
bool make_batch(Run& run, RunDir& dir, std::int64_t index) {
  const InvertSettings& s = run.settings;
  const auto batch = start_inversion(*run.classifier.network, run.options, s.common.seed, index);
  const auto picture = [&](const Tensor& images, std::int64_t step) {
    write_grid(grid_file(dir, index, step), to_pixels(images, run.scaling, run.classifier.normalization),
               run.classifier.network->image(), s.batch_size, s.grid_images);
  };
  Progress progress(message("batch ", index + 1, "/", s.num_batches), s.iterations, standard_progress(s.common.quiet));
  InversionTerms terms;
  for (std::int64_t i = 0; i < s.iterations; ++i) {
    if (i % s.grid_every == 0) picture(batch->current_images(), i);
    // A device works on while the host does not ask; on the CPU the terms are there anyway.
    const bool report = i % 10 == 0 || i + 1 == s.iterations;
    if (report || run.opened.device.is_cpu())
      terms = batch->step();
    else
      batch->advance();
    if (report) report_step(dir, index * s.iterations + i, terms, run.opened.device);
    progress.update(i + 1,
                    {{"loss", terms.total}, {"ce", terms.ce}, {"bn", terms.bn_var + terms.bn_mean}, {"tv", terms.tv}});
    if (stop_requested()) return false;
  }
  const Tensor images = batch->result();
  picture(images, s.iterations);
  ImageDataset data = synthetic_batch(to_pixels(images, run.scaling, run.classifier.normalization), batch->labels(),
                                      run.classifier.network->image(), run.classifier.network->num_classes(),
                                      run.classifier.normalization);
  write_sample_pngs(dir.path(), data, index);
  std::filesystem::create_directories(dir / "batches");
  write_packed_images(batch_file(dir.path(), index), data);  // last: its presence says that the batch is complete
  return true;
}

int finish(Run& run, RunDir& dir) {
  const InvertSettings& s = run.settings;
  const int classes = run.classifier.network->num_classes();
  const std::filesystem::path packed = pack_batches(dir.path(), s.num_batches, classes);
  EvaluateOptions evaluation;
  evaluation.normalization = run.classifier.normalization;
  const Evaluation own = evaluate(*run.classifier.network, read_packed_images(packed, classes), evaluation);
  dir.set_fact("classifier_accuracy_on_samples", own.accuracy());
  dir.set_fact("samples", own.count);
  dir.set_end("complete");
  const std::filesystem::path report = write_report(dir);
  dir.finish();
  std::cout << "samples:  " << packed.string() << " and " << (dir / "samples").string() << "\n"
            << "pictures: " << (dir / "images").string() << "\n"
            << "report:   " << report.string() << "\n"
            << "the classifier recognises " << 100 * own.accuracy() << " % of them\n";
  if (s.profile) std::cout << profiler::table(measure_roofline(run.opened.device));
  return kExitOk;
}

int program(int argc, char** argv) {
  Run run;
  Cli cli("engram-invert",
          "Makes images like the training set of a classifier, from the classifier alone, without any data.");
  add_invert_settings(cli, run.settings);
  if (!cli.parse(argc, argv)) return kExitOk;
  InvertSettings& s = run.settings;
  const int threads = apply_threads(s.common);
  set_conv_policy(s.exact ? kernels::ConvPolicy::kExact : kernels::ConvPolicy::kFast);
  profiler::enable(s.profile);
  ClassifierDefaults defaults;
  defaults.arch = s.arch;
  defaults.num_classes = int(s.num_classes);
  run.opened = open_device(s.common);
  defaults.device = run.opened.device;
  run.classifier = load_classifier(s.classifier, defaults);
  if (const dim_t channels = run.classifier.network->image().channels; channels != 1 && channels != 3)
    throw DataError(message(s.classifier.string(), ": expected a classifier of images with 1 or 3 channels, which can ",
                            "be shown, got ", channels));
  run.options = inversion_options(s, run.classifier.network->num_classes());
  run.scaling = parse_pixel_scaling(s.pixels);
  RunDir dir = open_run_dir(cli, run, threads);
  say_device(s.common, run.opened);
  for (std::int64_t batch = complete_batches(dir, s.num_batches); batch < s.num_batches; ++batch) {
    if (make_batch(run, dir, batch)) continue;
    dir.set_end("interrupted");
    write_report(dir);
    dir.finish();
    std::cerr << "stopped in batch " << batch + 1 << "; continue with --resume " << dir.path().string() << "\n";
    return kExitInterrupted;
  }
  return finish(run, dir);
}

}  // namespace
}  // namespace engram::apps

int main(int argc, char** argv) {
  return engram::apps::run_main("engram-invert", [&] { return engram::apps::program(argc, argv); });
}
