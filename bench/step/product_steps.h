#pragma once
/// The product's own steps, on random weights and data, for timing and counting.

#include <memory>
#include <string>

#include "bench/step/random_images.h"
#include "models/methods/inversion/inversion.h"
#include "models/nets/make_network.h"
#include "models/training/step_runner.h"
#include "models/training/supervised.h"

namespace engram::bench {

/// Steps of engram-train with its defaults: SGD with Nesterov momentum and weight decay, crops and flips. On a device
/// the work is queued, as a captured graph unless `capture` is off.
class TrainingSteps {
 public:
  TrainingSteps(const std::string& arch, dim_t batch, const Device& device = {}, bool capture = true)
      : data_(random_images(batch)),
        network_(make_network(arch, 10, {.device = device})),
        task_(*network_, data_, options(batch)),
        runner_(task_, capture) {}
  void run() { runner_.run(next_++); }

 private:
  static SupervisedOptions options(dim_t batch) {
    SupervisedOptions options;
    options.optimizer.weight_decay = 5e-4f;
    options.schedule.base_lr = 0.01;
    options.batches = {.batch_size = batch, .augment = standard_augmentation()};
    options.epochs = 1 << 30;  // of one step each
    return options;
  }

  ImageDataset data_;
  std::unique_ptr<Network> network_;
  SupervisedTask task_;
  StepRunner runner_;
  dim_t next_ = 0;
};

/// Iterations of NaturalInversion.
class InversionSteps {
 public:
  InversionSteps(const std::string& arch, dim_t batch, const Device& device = {}, bool capture = true)
      : classifier_(make_network(arch, 10, {.device = device})) {
    InversionOptions options;
    options.batch_size = batch;
    batch_ = start_inversion(*classifier_, options, 1, 0);
    runner_ = std::make_unique<StepRunner>(*batch_, capture);
  }
  /// On a device the work is queued.
  void run() { runner_->run(next_++); }

 private:
  std::unique_ptr<Network> classifier_;
  std::unique_ptr<Inversion> batch_;
  std::unique_ptr<StepRunner> runner_;
  dim_t next_ = 0;
};

}  // namespace engram::bench
