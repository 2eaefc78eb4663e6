#include "apps/common/student_data.h"

#include <algorithm>
#include <ostream>
#include <span>

#include "apps/common/classifier_images.h"
#include "apps/common/data_of_run.h"
#include "engine/stop_scope.h"
#include "models/data/class_matching.h"
#include "models/data/dataset_hash.h"
#include "models/data/evenly_spread.h"
#include "models/data/image_folder.h"
#include "models/data/network_images.h"
#include "models/training/evaluate.h"

namespace engram::apps {
namespace {

/// The classes that the sets must agree with.
KnownClasses known_by(std::span<const Classifier> teachers) {
  if (teachers.empty()) return {};
  return classifier_classes(teachers[0]);
}

/// Whether `path` is a packed file without labels, or a folder of images and nothing that a reader of sets knows, as
/// the folder of another run, whose pictures lie beside its set.
bool has_no_labels(const std::filesystem::path& path) {
  if (is_unlabelled_packed(path)) return true;
  if (!has_plain_images(path)) return false;
  try {
    detect_dataset_kind(path);
  } catch (const IoError&) {
    return true;
  }
  return false;
}

/// The classes of the teacher, and labels that stand for its until label_by_teacher().
void prepare_labels(const Classifier& teacher, ImageDataset& data) {
  data.num_classes = teacher.network->num_classes();
  data.class_names = teacher.class_names;
  data.labels.resize(std::size_t(data.count));
  for (std::size_t i = 0; i < data.labels.size(); ++i) data.labels[i] = std::int32_t(i % std::size_t(data.num_classes));
}

ImageDataset read_unlabelled(const std::filesystem::path& path, const ImageSize& size) {
  if (!std::filesystem::is_regular_file(path)) return read_plain_images(path, size);
  return resize_images(read_unlabelled_packed(path), size);
}

ImageDataset read_test(const DistillSettings& given, const DataSettings& s, const KnownClasses& classes) {
  DatasetRequest test = request_of(s, Split::kTest);
  test.classes = classes;
  if (!given.test_data.empty()) test.path = given.test_data, test.kind = "auto";
  return open_dataset(test);
}

/// The two sets as they are in the files; `labelled` says whether those of training have labels.
TrainingSets read_sets(Program& program, const DistillSettings& given, const std::vector<Classifier>& teachers,
                       bool labelled) {
  const DataSettings s = data_of_run(given.images, program.call().err);
  KnownClasses classes = known_by(teachers);
  TrainingSets sets;
  DatasetRequest train = request_of(s, Split::kTrain);
  train.classes = classes;
  sets.train = labelled ? open_dataset(train) : read_unlabelled(s.data, train.size);
  say_note(sets.train, *program.call().err);
  if (labelled && classes.names.empty()) classes = known_classes(sets.train.class_names, sets.train.name);
  sets.test = read_test(given, s, classes);
  return sets;
}

/// The test images as a network takes them, as inputs of the run.
ImageDataset test_images(Program& program, const DistillSettings& s, ImageDataset read, const ImageShape& image) {
  const std::filesystem::path& path = s.test_data.empty() ? s.images.data : s.test_data;
  ImageDataset test = network_images(std::move(read), image, path.string());
  program.add_input(s.test_data.empty() ? "data" : "test-data", path, {{"data/test", dataset_sha256(test)}});
  if (!s.images.test_list.empty()) program.add_input("test-list", s.images.test_list);
  return test;
}

}  // namespace

void say_teacher_accuracy(const Program& program, const Classifier& teacher, const ImageDataset& test) {
  const EvaluateOptions options{
      .observe = [](std::int32_t, std::span<const float>) { leave_if_stopped("the teacher was tested"); }};
  const double accuracy = evaluate(*teacher.network, test, options).accuracy();  // before the line: it can throw
  *program.call().err << "teacher: test accuracy " << 100 * accuracy << " %\n";
}

void label_by_teacher(const Classifier& teacher, ImageDataset& data) {
  std::vector<std::int32_t> labels;
  evaluate(*teacher.network, data, {.observe = [&](std::int32_t, std::span<const float> logits) {
    leave_if_stopped("the teacher labelled images");
    labels.push_back(std::int32_t(std::max_element(logits.begin(), logits.end()) - logits.begin()));
  }});
  data.labels = std::move(labels);
}

StudentSets open_student_sets(Program& program, const DistillSettings& s, const std::vector<Classifier>& teachers) {
  if (s.images.data.empty()) throw UsageError("expected --data PATH (see --help)");
  const bool labelled = (s.images.dataset != "auto" && s.images.dataset != "packed") || !has_no_labels(s.images.data);
  if ((!labelled || s.teacher_labels) && teachers.empty())
    throw UsageError(
        message("--data: expected labels or a teacher that gives them, got neither for ", s.images.data.string()));
  if (!labelled && s.test_data.empty())
    throw UsageError("--data: expected --test-data beside images without labels, got none");
  StudentSets sets{read_sets(program, s, teachers, labelled), !labelled || s.teacher_labels};
  const ImageShape image = teachers.empty() ? shape_for_network(sets.train) : teachers[0].network->image();
  sets.train = network_images(std::move(sets.train), image, s.images.data.string());
  program.add_input("data", s.images.data, {{"data/train", dataset_sha256(sets.train)}});
  if (!s.images.train_list.empty()) program.add_input("train-list", s.images.train_list);
  sets.test = test_images(program, s, std::move(sets.test), image);
  if (!teachers.empty()) sets.train.normalization = sets.test.normalization = teachers[0].normalization;
  sets.train = evenly_spread(sets.train, s.limit);
  if (sets.teacher_labels) prepare_labels(teachers[0], sets.train);
  return sets;
}

ImageDataset open_test_images(Program& program, const DistillSettings& s, const Classifier& teacher) {
  if (s.images.data.empty() && s.test_data.empty()) throw UsageError("expected --data PATH (see --help)");
  if (!s.images.train_list.empty())
    throw UsageError("expected no --train-list beside --data-free, which reads no training images, got both");
  const DataSettings images = s.test_data.empty() ? data_of_run(s.images, program.call().err) : s.images;
  ImageDataset test = read_test(s, images, known_by({&teacher, 1}));
  say_note(test, *program.call().err);
  test = test_images(program, s, std::move(test), teacher.network->image());
  test.normalization = teacher.normalization;
  return test;
}

}  // namespace engram::apps
