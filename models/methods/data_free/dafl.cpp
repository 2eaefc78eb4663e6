#include "models/methods/data_free/dafl.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/data_free/dafl_terms.h"

namespace engram {
namespace {

DaflOptions completed(DaflOptions o, int num_classes) {
  const bool few = num_classes <= 10;
  if (o.one_hot < 0) o.one_hot = few ? 0.05f : 0.5f;
  if (o.entropy < 0) o.entropy = few ? 5.f : 20.f;
  if (o.activation < 0) o.activation = few ? 0.01f : 0.1f;
  return o;
}

GeneratorTraining training(const DaflOptions& o) {
  return {.generator = "dafl",
          .latent = o.latent,
          .generator_optimizer = adam_options(),
          .student_optimizer = student_sgd(5e-4f),
          .student_schedule = {.kind = ScheduleKind::kMultiStep,
                               .base_lr = o.lr_student,
                               .milestones = {o.first_drop, o.second_drop}},
          .batch_size = o.batch_size,
          .epochs = o.epochs};
}

}  // namespace

DaflTask::DaflTask(const DataFreeProblem& problem, const DaflOptions& options)
    : GeneratorTask(problem, training(options)), options_(completed(options, problem.teacher.num_classes())) {
  check_lengths({{"steps", options.steps}});
  meters_ = Meters({{"loss/total"},
                    {"loss/one_hot"},
                    {"loss/entropy"},
                    {"loss/activation"},
                    {"loss/distillation"},
                    {"grad/generator"},
                    {"grad/student"}},
                   device());
}

void DaflTask::issue() {
  generator_->train();
  student_.train();
  const Tensor images = generator_->forward(draw_noise());
  const Features teacher = teacher_.forward(images, {.pooled = true});
  const Tensor one_hot = one_hot_loss(teacher.logits), entropy = kPerLog10 * class_balance(teacher.logits),
               activation = activation_loss(teacher.pooled);
  const Tensor made = options_.one_hot * one_hot + options_.entropy * entropy + options_.activation * activation;
  const Tensor distance = kl_divergence(student_.forward(images.detach()), teacher.logits.detach());

  const std::vector<Tensor> to_generator = grad({made}, generator_->parameters()),
                            to_student = grad({distance}, student_.parameters());
  meters_.record({made + distance, one_hot, entropy, activation, distance, grad_norm(to_generator, 1).norm,
                  grad_norm(to_student, 1).norm});
  generator_optimizer_.step(to_generator, float(options_.lr_generator));
  student_optimizer_.step(to_student, student_rate_.tensor());
}

namespace {

Settings dafl_settings(DaflOptions& o) {
  return {{"batch_size", &o.batch_size, "images a step"},
          {"epochs", &o.epochs, "epochs"},
          {"steps", &o.steps, "steps an epoch"},
          {"latent", &o.latent, "values of noise an image"},
          {"one_hot", &o.one_hot, "coefficient of the one-hot term; negative: the authors'"},
          {"entropy", &o.entropy, "of the class entropy; negative: the authors'"},
          {"activation", &o.activation, "of the activation; negative: the authors'"},
          {"lr_generator", &o.lr_generator, "Adam's rate"},
          {"lr_student", &o.lr_student, "SGD's rate"},
          {"first_drop", &o.first_drop, "epoch from which the student's rate is a tenth"},
          {"second_drop", &o.second_drop, "epoch from which it is a hundredth"}};
}

}  // namespace

void add_dafl(DataFreeRegistry& registry) {
  registry.add<DaflOptions>("dafl", "DAFL as its authors ran it", {}, dafl_settings,
                            [](const DaflOptions& options, const DataFreeProblem& problem) {
                              return std::make_unique<DaflTask>(problem, options);
                            });
}

}  // namespace engram
