#pragma once
/// The end of an inversion: what the classifier recognises, the final picture, and what to try.

#include "apps/common/invert_settings.h"
#include "apps/common/recognition.h"
#include "apps/common/run_dir.h"

namespace engram::apps {

/// Has the classifier look at the images that were made of it, and writes recognition.json and images/final.png (at
/// most ten images a class, those taken for another class framed red; also for TensorBoard, under "final" at `step`)
/// into the run. Where less than kPoorRecognition is recognised, the result holds advice. Throws IoError.
Recognition write_inversion_result(RunDir& run, const ImageDataset& images, const Classifier& classifier,
                                   const InvertSettings& settings, std::int64_t step);

/// What to try when few images are recognised: settings that differ from the published ones, then general ones.
std::vector<std::string> inversion_advice(const InvertSettings& settings, int num_classes);

}  // namespace engram::apps
