#pragma once
/// The images that engram-distill trains and tests on.

#include <vector>

#include "apps/common/distill_settings.h"
#include "models/classifier_file.h"

namespace engram::apps {

/// Training and test images as the teachers take them (without one, as open_training_sets), as inputs of the run.
/// Images without labels, and with --teacher-labels all, get those of the first teacher. The first teacher's accuracy
/// is said on the call's `err`. Throws UsageError where --data is missing, where teachers are normalised differently,
/// or where there is no teacher to label images; DataError, naming the teacher's layer, when its logits are not finite.
TrainingSets open_student_sets(Program& program, const DistillSettings& settings,
                               const std::vector<Classifier>& teachers);

/// The test images alone, as the teacher takes them, for methods that make their training images; an input of the run.
/// The teacher's accuracy is said on the call's `err`. Throws UsageError where neither --data nor --test-data is given
/// or a --train-list is, DataError as open_student_sets.
ImageDataset open_test_images(Program& program, const DistillSettings& settings, const Classifier& teacher);

}  // namespace engram::apps
