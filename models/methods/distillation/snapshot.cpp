#include "models/methods/distillation/snapshot.h"

#include <cmath>
#include <numbers>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/optim_step.h"
#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/peers.h"

namespace engram {

SnapshotTask::SnapshotTask(Network& student, const ImageDataset& data, const StudentOptions& options,
                           const SnapshotOptions& snapshot)
    : StudentTask(data, options, student.device()),
      student_(student),
      snapshot_(snapshot),
      teacher_(network_like(student, options.batches.seed)),
      parameters_(student.named_parameters()),
      optimizer_(parameters_, options.optimizer) {
  check_temperature("snapshot", snapshot.tau);
  if (snapshot.cycles < 1 || options.epochs % snapshot.cycles != 0)
    throw UsageError(message("[snapshot] expected epochs that are a multiple of the cycles, got ", options.epochs,
                             " and ", snapshot.cycles));
  teacher_->set_requires_grad(false);
  meters_ = Meters({{"train/loss"}, {"train/accuracy"}, {"train/ce"}}, device());
}

double SnapshotTask::learning_rate(dim_t step) const {
  const double place = double(step % cycle_steps()) / double(cycle_steps());
  return options_.schedule.base_lr / 2 * (1 + std::cos(std::numbers::pi * place));
}

int SnapshotTask::phase(dim_t step) const {
  return 2 * int(step < cycle_steps()) + int(is_incomplete(step));
}

void SnapshotTask::stage(dim_t step) {
  stage_batch(step);
  stage_values(rate_->tensor(), std::vector<float>{float(learning_rate(step))});
  taught_ = step >= cycle_steps();
}

void SnapshotTask::issue() {
  student_.train();
  const LabelledBatch batch = gather();
  const Tensor logits = student_.forward(batch.images);
  const Tensor ce = softmax_cross_entropy(logits, batch.labels);
  Tensor loss = ce;
  if (taught_) {
    // Not with folded weights: repeated work would go on with those of the first snapshot.
    const Tensor taught = [&] {
      const NoGradGuard no_grad;
      teacher_->eval();
      return teacher_->forward(batch.images);
    }();
    loss = float(1 + 1 / snapshot_.tau) * ce + float(snapshot_.teach) * snapshot_term(logits, taught, snapshot_.tau);
  }
  meters_.record({loss, batch_accuracy(logits, batch.labels), ce});
  optimizer_.step(grad({loss}, tensors_of(parameters_)), rate_->tensor());
}

void SnapshotTask::finish(dim_t step) {
  if ((step + 1) % cycle_steps() != 0) return;
  ema_step(tensors_of(teacher_->named_state()), tensors_of(student_.named_state()),
           0);  // a copy that waits for nothing
}

void SnapshotTask::visit_parts(StateVisitor& visitor) {
  visitor.visit("student", student_);
  visitor.visit("snapshot", *teacher_);
  visitor.visit("optimizer", optimizer_);
}

namespace {

Settings snapshot_settings(SnapshotOptions& o) {
  return {{"cycles", &o.cycles, "equal parts of the training"},
          {"tau", &o.tau, "temperature of the teacher alone; 2 to 3"},
          {"teach", &o.teach, "factor of the term"}};
}

}  // namespace

void add_snapshot(StudentTaskRegistry& registry) {
  registry.add<SnapshotOptions>("snapshot", "the last snapshot of the student teaches its next cycle; takes no teacher",
                                {}, snapshot_settings, [](const SnapshotOptions& o, const StudentTaskContext& c) {
                                  return std::make_unique<SnapshotTask>(c.student, c.data, c.options, o);
                                });
}

}  // namespace engram
