#pragma once
/// The images that engram-distill trains and tests on.

#include <vector>

#include "apps/common/distill_settings.h"
#include "models/classifier_file.h"

namespace engram::apps {

struct StudentSets : TrainingSets {
  /// The training images have no labels of their own, or --teacher-labels passes over them: what stands there, every
  /// class in turn, holds the place of label_by_teacher().
  bool teacher_labels = false;
};

/// Training and test images as the teachers take them (without one, as open_training_sets), as inputs of the run.
/// Throws UsageError where --data is missing or where there is no teacher to label images.
StudentSets open_student_sets(Program& program, const DistillSettings& settings,
                              const std::vector<Classifier>& teachers);

/// The test images alone, as the teacher takes them, for methods that make their training images; an input of the run.
/// Throws UsageError where neither --data nor --test-data is given or a --train-list is.
ImageDataset open_test_images(Program& program, const DistillSettings& settings, const Classifier& teacher);

/// Labels by the largest logit of the teacher, the lowest class of equals. It takes as long as an evaluation. Throws
/// DataError, naming the teacher's layer, when its logits are not finite.
void label_by_teacher(const Classifier& teacher, ImageDataset& data);

/// Says the teacher's accuracy on the call's `err`. Throws as label_by_teacher.
void say_teacher_accuracy(const Program& program, const Classifier& teacher, const ImageDataset& test);

}  // namespace engram::apps
