#include "models/methods/data_free/dfad.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/data_free/generative_loss.h"

namespace engram {
namespace {

ScheduleOptions falling(double base, const DfadOptions& o) {
  return {.kind = ScheduleKind::kMultiStep, .base_lr = base, .milestones = {o.first_drop, o.second_drop}};
}

GeneratorTraining training(const DfadOptions& o) {
  return {.generator = "dfad",
          .latent = o.latent,
          .generator_optimizer = adam_options(),
          .student_optimizer = student_sgd(5e-4f),
          .student_schedule = falling(o.lr_student, o),
          .batch_size = o.batch_size,
          .epochs = o.epochs};
}

}  // namespace

DfadTask::DfadTask(const DataFreeProblem& problem, const DfadOptions& options)
    : GeneratorTask(problem, training(options)),
      options_(options),
      generator_rate_(falling(options.lr_generator, options), device()) {
  check_lengths({{"iterations", options.iterations}, {"student_steps", options.student_steps}});
  meters_ = Meters({{"loss/student"}, {"loss/generator"}, {"grad/student"}, {"grad/generator"}}, device());
}

int DfadTask::phase(dim_t step) const {
  return step % (1 + options_.student_steps) == options_.student_steps ? 1 : 0;
}

void DfadTask::stage(dim_t step) {
  GeneratorTask::stage(step);
  generator_rate_.stage(rate_position(step));
}

void DfadTask::issue() {
  const bool makes = phase_ == 1;
  generator_->train();
  student_.train();
  const Tensor z = draw_noise(), none = Tensor::zeros({}, device());
  Tensor images;
  {
    const GradModeGuard record(makes);
    images = generator_->forward(z);
  }
  const Tensor distance = student_distance(StudentDistance::kL1, student_.forward(images), teacher_.forward(images));
  if (makes) {
    const Tensor loss = neg(distance);
    const std::vector<Tensor> gradients = grad({loss}, generator_->parameters());
    meters_.record({none, loss, none, grad_norm(gradients, 1).norm});
    generator_optimizer_.step(gradients, generator_rate_.tensor());
    return;
  }
  const std::vector<Tensor> gradients = grad({distance}, student_.parameters());
  meters_.record({distance, none, grad_norm(gradients, 1).norm, none});
  student_optimizer_.step(gradients, student_rate_.tensor());
}

namespace {

Settings dfad_settings(DfadOptions& o) {
  return {{"batch_size", &o.batch_size, "images a step"},
          {"epochs", &o.epochs, "epochs"},
          {"iterations", &o.iterations, "iterations an epoch"},
          {"latent", &o.latent, "values of noise an image"},
          {"student_steps", &o.student_steps, "steps of the student before one of the generator"},
          {"lr_generator", &o.lr_generator, "Adam's rate"},
          {"lr_student", &o.lr_student, "SGD's rate"},
          {"first_drop", &o.first_drop, "epoch from which both rates are a tenth"},
          {"second_drop", &o.second_drop, "epoch from which they are a hundredth"}};
}

}  // namespace

void add_dfad(DataFreeRegistry& registry) {
  registry.add<DfadOptions>("dfad", "DFAD as its authors ran it", {}, dfad_settings,
                            [](const DfadOptions& options, const DataFreeProblem& problem) {
                              return std::make_unique<DfadTask>(problem, options);
                            });
}

}  // namespace engram
