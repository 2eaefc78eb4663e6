#pragma once
/// What the methods for out-of-distribution generalisation have in common: batches of several environments, a network
/// that is deployed, penalties that begin later, averages of the weights (docs/methods/ood.md).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/data/environment_source.h"
#include "models/methods/ood/weight_average.h"
#include "models/training/optimizer.h"
#include "models/training/staged.h"
#include "models/training/task.h"

namespace engram {

/// Looks into the updates of a task, for diagnostics and tests. To be used with steps that are issued, not captured.
class UpdateObserver {
 public:
  virtual ~UpdateObserver() = default;
  /// `loss` is about to be differentiated. Its graph may be used, with GradOptions::retain_graph.
  virtual void on_loss(const Tensor& loss) { (void)loss; }
  /// An optimiser is about to move `parameters` along these gradients (undefined for those that play no part), before
  /// weight decay and clipping.
  virtual void on_gradients(const std::vector<NamedTensor>& parameters, const std::vector<Tensor>& gradients) {
    (void)parameters, (void)gradients;
  }
};

/// What is set for any method.
struct OodOptions {
  OptimizerOptions optimizer = adam_options();
  ScheduleOptions schedule = {.base_lr = 1e-3};  ///< total_steps is set from the next
  dim_t total_steps = 5001;
  /// The rate of the schedule is taken anew every so many steps: those of an epoch, where a source changes it by epoch.
  dim_t rate_interval = 1;
  /// Weight of the sum of all squared parameters in the loss (the IRM program's l2; its gradient is that of a weight
  /// decay of twice as much).
  double l2 = 0;
  float clip_norm = 0;                 ///< clip the gradients' common Euclidean norm to this; 0 is off
  WeightAverageOptions average;        ///< what is deployed: the weights as they are by default
  std::uint64_t seed = 0;              ///< of what a method draws, and of the first values of its heads
  UpdateObserver* observer = nullptr;  ///< outlives the task; null for none
};

/// What a method is made from. Network and source outlive the task and are on one device.
struct OodSetup {
  Network& network;
  EnvironmentSource& source;
  const OodOptions& options;
};

/// [N,K] logits of a network's outputs: themselves, and (0, o) of a single output o, so that cross entropy and argmax
/// are those of the logistic model.
Tensor class_logits(const Tensor& outputs);

/// A method. Meters: "train/loss", the method's terms, and where it classifies plain images "train/accuracy" (mean over
/// environments) and "train/accuracy_<e>" of each, before the update. The same network, source, options and thread
/// count give the same bits.
class OodTask : public ClassifierTask {
 public:
  dim_t total_steps() const { return options_.total_steps; }
  double learning_rate(dim_t step) const { return rate_.at(step - step % options_.rate_interval); }
  /// Images of each environment in a step.
  const std::vector<dim_t>& batch_sizes() const { return batch_sizes_; }

  Device device() const override { return network_.device(); }
  void stage(dim_t step) override;
  void issue() override;
  /// Averages the weights.
  void finish(dim_t step) override;
  /// The network with averaged weights where OodOptions::average asks for it, else the trained one.
  Network& deployed() override;

  /// Tells the average of the weights what the trained network reaches on held-out images of the training environments
  /// after step `step`: SWAD and "best" go by it; others ignore it.
  void validated(dim_t step, double loss, double accuracy);
  /// The average of the weights, for "best", which asks for its own accuracy, and SWAD, which becomes final; null for
  /// none.
  WeightAverage* average() { return average_.get(); }
  /// The network that is trained, whatever is deployed.
  Network& trained() { return network_; }

 protected:
  /// `terms` are the meters after "train/loss"; `measures_accuracy` says whether record() gets logits. Throws
  /// UsageError for options that make no sense, and for a network whose classes are not those of the source (one output
  /// stands for two classes).
  OodTask(const OodSetup& setup, const std::vector<std::string>& terms, bool measures_accuracy = true);

  /// The method's draws for a step, into tensors that stay.
  virtual void stage_method(dim_t step) { (void)step; }
  /// Passes, losses, updates and record().
  virtual void update(const EnvironmentBatch& batch) = 0;
  /// State beside network, optimiser and average.
  virtual void visit_method(StateVisitor& visitor) { (void)visitor; }
  void visit_parts(StateVisitor& visitor) final;

  /// Logits of each environment. Networks with batch normalisation see all environments in one batch, as in DomainBed;
  /// for others that is the same, and environments are passed one by one, which spares the copy.
  std::vector<Tensor> environment_logits(const EnvironmentBatch& batch);
  /// The same with each environment passed on its own, whatever the network.
  std::vector<Tensor> separate_logits(const EnvironmentBatch& batch);
  /// Logits of the images by the network in its mode.
  Tensor logits_of(const Tensor& images) { return class_logits(network_.forward(images)); }
  /// The pooled vectors [N,D] of images, and logits from such vectors.
  Tensor features_of(const Tensor& images);
  Tensor classify(const Tensor& features);

  /// The rows of each environment.
  static std::vector<Tensor> cut(const Tensor& rows, const EnvironmentBatch& batch);
  /// Mean cross entropy of each environment.
  static std::vector<Tensor> risks_of(const std::vector<Tensor>& logits, const EnvironmentBatch& batch);

  /// One step of the main optimiser, which moves the network and what add_parameters added, down `loss` + l2 |w|^2,
  /// all times `factor`. Returns that sum.
  Tensor descend(const Tensor& loss, double factor = 1);
  /// One step of another optimiser down `loss`.
  void descend(const Tensor& loss, const std::vector<NamedTensor>& parameters, Optimizer& optimizer,
               const Tensor& rate);
  /// The same with gradients that are there.
  void step_along(const std::vector<Tensor>& gradients, const std::vector<NamedTensor>& parameters,
                  Optimizer& optimizer, const Tensor& rate);

  /// Lets the main optimiser move a module too. To be called by constructors.
  void add_parameters(const std::string& name, Module& module);
  /// Forgets the main optimiser's state, as if it had never stepped.
  void reset_optimizer();

  /// Meters of this step: loss, terms, and the environments' logits if they are measured.
  void record(const Tensor& loss, const std::vector<Tensor>& terms, const std::vector<Tensor>& logits,
              const EnvironmentBatch& batch);

  dim_t images_per_step() const;
  /// Values of a pooled vector. To be called by constructors.
  dim_t feature_width();

  Network& network_;
  EnvironmentSource& source_;
  OodOptions options_;
  std::vector<NamedTensor> parameters_;  ///< that the main optimiser moves
  std::optional<Optimizer> optimizer_;
  StagedRate rate_;

 private:
  bool joins_environments_, measures_accuracy_;
  std::vector<dim_t> batch_sizes_;
  std::unique_ptr<WeightAverage> average_;
  std::unique_ptr<Network> averaged_;  // made for deployed()
};

/// All environments of a batch as one, in order.
LabelledBatch joined(const EnvironmentBatch& batch);
/// Which environment each image of that batch is of, i32.
Tensor environment_labels(const EnvironmentBatch& batch);
/// Sum of scalars, and their mean.
Tensor sum_of(const std::vector<Tensor>& scalars);
Tensor mean_of(const std::vector<Tensor>& scalars);
/// Scalars as a vector [n].
Tensor stacked(const std::vector<Tensor>& scalars);

}  // namespace engram
