#pragma once
/// Training that ends in a student, by whatever method.

#include <memory>

#include "models/data/augment.h"
#include "models/data/batch_stager.h"
#include "models/registry.h"
#include "models/training/optimizer.h"
#include "models/training/staged.h"
#include "models/training/task.h"

namespace engram {

struct StudentOptions {
  std::string method = "kd";  ///< terms, as make_distillation_losses takes them, or a kind of student_task_registry
  OptimizerOptions optimizer;
  ScheduleOptions schedule;     ///< of the main stage; total_steps is set by the task
  bool fresh_momentum = false;  ///< the optimiser is made anew, without momenta, at each milestone of the schedule
  BatchPlan batches;            ///< batch size, augmentation, seed; always shuffled
  AugmentOptions strong;        ///< of the second view, for terms that have one
  dim_t epochs = 1;
  dim_t initial_epochs = 0;  ///< of the initial stage, for terms that have one
  double initial_lr = 0.1;   ///< constant over it
};

/// A task of whole epochs over a training set. The incomplete batch at the end of an epoch is kept unless it is a
/// single image.
class StudentTask : public ClassifierTask {
 public:
  dim_t steps_per_epoch() const { return steps_per_epoch_; }
  dim_t total_steps() const { return steps_per_epoch_ * epochs(); }
  virtual dim_t epochs() const { return options_.epochs; }
  virtual double learning_rate(dim_t step) const { return rate_->at(step); }

  Device device() const override { return data_.device(); }
  /// Full and incomplete batches; tasks add their stages.
  int phase(dim_t step) const override { return int(is_incomplete(step)); }

 protected:
  /// `data` is copied. Throws UsageError for options that make no sense.
  StudentTask(const ImageDataset& data, const StudentOptions& options, const Device& device);

  /// Throws UsageError for a step that does not exist.
  void stage_batch(dim_t step);
  /// The rate of a step of the main stage, and what fresh_momentum asks for there.
  void stage_rate(dim_t main_step, const std::vector<Optimizer*>& optimizers);
  LabelledBatch gather() const { return stager_->gather(); }
  bool is_incomplete(dim_t step) const;

  StudentOptions options_;
  DeviceDataset data_;
  std::unique_ptr<BatchStager> stager_;
  std::unique_ptr<StagedRate> rate_;  ///< over all epochs of the options

 private:
  dim_t steps_per_epoch_ = 0;
};

/// What a kind of task is made for. Everything outlives the task but `data`, which is copied.
struct StudentTaskContext {
  Network& student;
  const std::vector<Network*>& teachers;
  const ImageDataset& data;
  const StudentOptions& options;
};

/// The kinds that are more than terms beside a cross entropy: dml, ie-dml, one, cl, snapshot.
using StudentTaskRegistry = Registry<StudentTask, const StudentTaskContext&>;
const StudentTaskRegistry& student_task_registry();

void add_mutual_learning(StudentTaskRegistry& registry);
void add_branched_learning(StudentTaskRegistry& registry);
void add_snapshot(StudentTaskRegistry& registry);

/// The task of options.method: one of the kinds, or a DistillationTask with these terms. Throws UsageError as they do.
std::unique_ptr<StudentTask> make_student_task(Network& student, const std::vector<Network*>& teachers,
                                               const ImageDataset& data, const StudentOptions& options);

/// Throws UsageError, with the nearest name, unless make_student_task knows what `text` names.
void check_distillation_method(const std::string& text);

/// All names of methods with their short forms, terms first, for help texts.
std::string distillation_method_names();

// --- Parts that several tasks share.

/// Share of the rows whose largest logit, the first of equals, is at the label. No gradient.
Tensor batch_accuracy(const Tensor& logits, const Tensor& labels);

/// The tensors of a list.
std::vector<Tensor> tensors_of(const std::vector<NamedTensor>& parameters);

/// `parameters` under "<prefix><name>", added to `all`.
void append_named(std::vector<NamedTensor>& all, const std::string& prefix, const std::vector<NamedTensor>& parameters);

/// A network like the student, with other first values.
std::unique_ptr<Network> network_like(const Network& student, std::uint64_t seed, const std::string& arch = "");

}  // namespace engram
