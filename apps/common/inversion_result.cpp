#include "apps/common/inversion_result.h"

#include "apps/common/class_sheet.h"
#include "engine/io/atomic_file.h"
#include "engine/io/png.h"
#include "kernels/common/error.h"
#include "models/component.h"
#include "models/training/evaluate.h"

namespace engram::apps {
namespace {

constexpr dim_t kSheetRows = 10;

}  // namespace

Recognition write_inversion_result(RunDir& run, const ImageDataset& images, const Classifier& classifier,
                                   const InvertSettings& settings, std::int64_t step) {
  Predictions predictions;
  evaluate(*classifier.network, images,
           {.normalization = classifier.normalization,
            .observe = [&](std::int32_t label, std::span<const float> logits) { predictions.add(label, logits); }});
  Recognition result = recognition_of(predictions, classifier.class_names);
  if (result.share() < kPoorRecognition) result.advice = inversion_advice(settings, images.num_classes);
  const io::Image sheet = class_sheet(images, kSheetRows, missed_images(predictions));
  std::filesystem::create_directories(run / "images");
  io::write_png(run / "images/final.png", sheet);
  run.image("final", step, sheet);
  io::write_file(run / kRecognitionFile, recognition_json(result));
  return result;
}

std::vector<std::string> inversion_advice(const InvertSettings& s, int num_classes) {
  std::vector<std::string> advice;
  const bool natural = parse_component(s.method).name == "natural-inversion";
  const std::int64_t published = published_iterations(s.method, num_classes);
  if (s.iterations < published)
    advice.push_back(message("--iterations ", published, ": this run had ", s.iterations,
                             ", and the published results had ", published));
  if (s.batch_size < 256)
    advice.push_back(message("--batch-size 256: this run had ", s.batch_size,
                             ", and batch statistics of few images match those of a training set badly"));
  if (!natural) advice.push_back("--method natural-inversion, whose images are usually recognised more often");
  if (s.pixels == "per-image")
    advice.push_back("--pixels denormalized: stretching the contrast of each image changes what the classifier sees");
  advice.push_back(
      "--mean and --std, if the classifier was trained with other constants than its file says (engram-eval tells: "
      "its accuracy on real images must be right first)");
  advice.push_back("a smaller --bn-weight: the statistics' distances may outweigh the classes");
  return advice;
}

}  // namespace engram::apps
