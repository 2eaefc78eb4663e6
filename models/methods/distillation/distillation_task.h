#pragma once
/// Distillation of a student from frozen teachers, by any of the registered terms.

#include <memory>

#include "engine/side_stream.h"
#include "models/methods/distillation/distillation_loss.h"
#include "models/methods/distillation/student_task.h"

namespace engram {

/// Trains `student` by (product of the terms' ce) * cross entropy + the weighted terms. Several teachers each have
/// terms of their own, whose mean counts. Teachers run without gradients, in one fused pass in evaluation mode unless a
/// term wants their batch statistics, and beside the student where the device has streams. Terms with an initial stage
/// are trained first, by their initial losses alone.
///
/// Meters: train/loss, train/accuracy (as fractions of a batch), train/ce, loss/<term> and loss/<term>/<part>, 0 where
/// a stage has none. The same options, data, seed and thread count give the same bits.
class DistillationTask : public StudentTask {
 public:
  /// Networks outlive the task; `data` is copied. Throws DataError, saying which network has what, for teachers of
  /// other classes or images than the student's; UsageError for no teacher where a term needs one, networks that a term
  /// cannot compare, an initial stage without epochs, and options that make no sense.
  DistillationTask(Network& student, const std::vector<Network*>& teachers, const ImageDataset& data,
                   const StudentOptions& options);

  dim_t epochs() const override { return initial_epochs_ + options_.epochs; }
  /// Of the initial stage; 0 where no term has one.
  dim_t initial_epochs() const { return initial_epochs_; }
  double learning_rate(dim_t step) const override;
  /// The terms of one teacher.
  std::vector<std::unique_ptr<DistillationLoss>>& terms(std::size_t teacher = 0) { return groups_[teacher].terms; }

  int phase(dim_t step) const override;
  void stage(dim_t step) override;
  void issue() override;
  Network& deployed() override { return student_; }

  /// One step on a given batch instead of a staged one, at a given rate: for comparisons with stored values.
  void step_on(const Tensor& images, const Tensor& labels, bool initial, double rate);

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  /// A teacher, or none, with its terms.
  struct Group {
    Network* teacher = nullptr;
    std::vector<std::unique_ptr<DistillationLoss>> terms;
  };

  void make_groups(const std::vector<Network*>& teachers, const ImageDataset& data);
  void collect_needs();
  void make_optimizers();
  void make_meters();
  bool is_initial(dim_t step) const { return step < initial_epochs_ * steps_per_epoch(); }
  /// The two losses that may share their pass over the logits.
  struct LogitLosses {
    Tensor cross_entropy, divergence;
  };

  DistillationBatch teacher_features(const Group& group, const LabelledBatch& batch, const LabelledBatch& strong);
  std::vector<DistillationBatch> begin_teachers(const LabelledBatch& batch, const LabelledBatch& strong = {});
  LogitLosses logit_losses(const DistillationBatch& first) const;
  Tensor weighted_terms(const std::vector<DistillationBatch>& seen, const LogitLosses& losses,
                        std::vector<Tensor>& recorded);
  void initial_step(const LabelledBatch& batch);
  void main_step(const LabelledBatch& batch);
  void run(const LabelledBatch& batch);

  Network& student_;
  dim_t initial_epochs_ = 0;
  bool initial_ = false;         // of the staged step
  bool student_learns_ = false;  // in the initial stage
  std::vector<Group> groups_;
  LossNeeds needs_;  // of all terms together
  double cross_entropy_ = 1;
  DistillationLoss* soft_term_ = nullptr;  // the first with soft_targets() of the first teacher
  SideStream side_;                        // of the teachers
  std::unique_ptr<BatchStager> strong_stager_;
  Tensor samples_, factors_;  // i32 [batch]; f32 [terms]: the weights of this epoch
  std::vector<NamedTensor> initial_parameters_, main_parameters_;
  std::unique_ptr<Optimizer> initial_optimizer_, optimizer_;
  std::unique_ptr<StagedRate> initial_rate_;
};

}  // namespace engram
