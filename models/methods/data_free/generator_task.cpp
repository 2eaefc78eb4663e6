#include "models/methods/data_free/generator_task.h"

#include "models/nets/generator_registry.h"

namespace engram {

GeneratorTask::GeneratorTask(const DataFreeProblem& problem, const GeneratorTraining& training)
    : DataFreeTask(problem),
      generator_(
          make_generator(training.generator, training.latent, teacher_.image(), seed_for("generator"), device())),
      generator_optimizer_(generator_->named_parameters(), training.generator_optimizer),
      student_optimizer_(student_.named_parameters(), training.student_optimizer),
      student_rate_(training.student_schedule, device()),
      batch_size_(training.batch_size),
      epochs_(training.epochs) {
  check_lengths({{"batch_size", batch_size_}, {"epochs", epochs_}});
}

void GeneratorTask::stage(dim_t step) {
  phase_ = phase(step);
  student_rate_.stage(rate_position(step));
}

void GeneratorTask::visit_parts(StateVisitor& visitor) {
  visitor.visit("student", student_);
  visitor.visit("generator", *generator_);
  visitor.visit("student_optimizer", student_optimizer_);
  visitor.visit("generator_optimizer", generator_optimizer_);
  visitor.visit("noise", noise_.stream());
}

}  // namespace engram
