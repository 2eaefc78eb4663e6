/// engram-distill: trains a student by what a teacher, its peers or itself say.

#include "apps/common/classifier_inputs.h"
#include "apps/common/classifier_options.h"
#include "apps/common/classifier_training.h"
#include "apps/common/distill_settings.h"
#include "apps/common/exit_code.h"
#include "apps/common/student_data.h"
#include "apps/programs.h"
#include "models/methods/data_free/data_free_registry.h"

namespace engram::apps {
namespace {

/// Refuses teachers that cannot teach one student.
void check_teachers(const std::vector<Classifier>& teachers) {
  for (const Classifier& teacher : teachers) {
    const Network &first = *teachers[0].network, &other = *teacher.network;
    if (other.num_classes() != first.num_classes())
      throw DataError(message("--teacher: expected teachers of as many classes, got ", first.num_classes(), " of ",
                              first.arch(), " and ", other.num_classes(), " of ", other.arch()));
    if (other.image() != first.image())
      throw DataError(message("--teacher: expected teachers of images of one shape, got ", to_string(first.image()),
                              " of ", first.arch(), " and ", to_string(other.image()), " of ", other.arch()));
    const Normalization &a = teachers[0].normalization, &b = teacher.normalization;
    if (a.mean != b.mean || a.std != b.std)
      throw DataError("--teacher: expected teachers that take images normalised by the same constants, got others");
  }
}

/// The classifiers of --teacher, which become an input of the run.
std::vector<Classifier> read_teachers(Program& program, const DistillSettings& settings) {
  std::vector<Classifier> teachers;
  for (const std::string& path : settings.teachers)
    teachers.push_back(open_classifier(path, settings.assumed, program.device(), program.call().err));
  check_teachers(teachers);
  add_classifier_inputs(program, "teacher", settings.teachers);
  return teachers;
}

/// Trains a student with images that are made of the teacher; the data are only tested on.
int distill_without_data(Program& program, const DistillSettings& settings, const std::vector<Classifier>& teachers) {
  const Classifier& teacher = teachers[0];
  const ImageDataset test = open_test_images(program, settings, teacher);
  const std::unique_ptr<Network> student =
      start_network(program, settings.student, settings.init, test, settings.common.seed);
  const std::unique_ptr<DataFreeTask> task = make_data_free_task(
      settings.data_free, {*teacher.network, *student, teacher.normalization, settings.common.seed});
  if (!program.only_checks()) say_teacher_accuracy(program, teacher, test);
  return run_classifier_training(program, settings.training, training_of(*task, test, test));
}

/// Trains a student on images. Whatever can be wrong with settings and networks is known before a teacher sees a set.
int distill_on_images(Program& program, const DistillSettings& settings, const std::vector<Classifier>& teachers) {
  StudentSets sets = open_student_sets(program, settings, teachers);
  const std::unique_ptr<Network> student =
      start_network(program, settings.student, settings.init, sets.train, settings.common.seed);
  std::vector<Network*> networks;
  for (const Classifier& teacher : teachers) networks.push_back(teacher.network.get());
  const auto make_task = [&] {
    return make_student_task(*student, networks, sets.train, distillation_options(settings, sets.train));
  };
  std::unique_ptr<StudentTask> task = make_task();
  if (program.only_checks()) return program.check();
  if (sets.teacher_labels) {
    label_by_teacher(teachers[0], sets.train);
    task.reset();
    task = make_task();
  }
  if (!teachers.empty()) say_teacher_accuracy(program, teachers[0], sets.test);
  return run_classifier_training(program, settings.training, training_of(*task, sets.train, sets.test));
}

}  // namespace

int run_distill(Call& call) {
  DistillSettings settings;
  Cli cli(call, "Trains a student with a teacher and writes it, with its metrics and checkpoints, to a run folder.");
  add_distill_settings(cli, settings);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  apply_protocol(cli, settings);
  Program program(cli, settings.common);
  if (!settings.data_free.empty() && settings.teachers.size() != 1)
    throw UsageError(message("--data-free: expected one --teacher, got ", settings.teachers.size()));
  const std::vector<Classifier> teachers = read_teachers(program, settings);
  if (!settings.data_free.empty()) return distill_without_data(program, settings, teachers);
  return distill_on_images(program, settings, teachers);
}

}  // namespace engram::apps
