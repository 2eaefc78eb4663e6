#pragma once
/// Supervised training of a classifier, step by step, with checkpoints that continue bit-exactly.

#include <filesystem>
#include <memory>
#include <string>

#include "engine/captured_work.h"
#include "models/data/loader.h"
#include "models/nets/network.h"
#include "models/schedule.h"
#include "models/training/optimizer.h"

namespace engram {

struct TrainerOptions {
  OptimizerOptions optimizer;
  ScheduleOptions schedule;  ///< total_steps is set by the trainer
  LoaderOptions loader;      ///< batch size, augmentation, seed; always shuffled, the incomplete batch left out
  dim_t epochs = 1;
  float label_smoothing = 0;
  float clip_norm = 0;  ///< clip the gradients' common Euclidean norm to this; 0 is off
  double ema_decay =
      0;  ///< decay of the running average of the weights a step, reached by way of (1+t)/(10+t); 0 is off
  /// On devices other than the CPU, the step (passes and update) is repeated as one captured graph, with the same bits.
  /// Networks that draw dropout masks issue it each time.
  bool capture = true;
};

/// What one step did.
struct TrainStep {
  dim_t step = 0;  ///< number of this step, from 0
  dim_t epoch = 0;
  double loss = 0;
  double learning_rate = 0;
  dim_t correct = 0, count = 0;  ///< on the augmented batch, before the update
  bool last_of_epoch = false;
};

/// Trains `network` on `data`; both outlive the trainer. The same options, data, seed and thread count give the same
/// bits.
class Trainer {
 public:
  /// Throws UsageError for options that make no sense.
  Trainer(Network& network, const ImageDataset& data, const TrainerOptions& options);

  /// One optimiser step. Throws DataError when the loss is not finite; on the CPU before the update, elsewhere after
  /// it.
  TrainStep step();
  bool done() const { return next_step_ >= total_steps(); }
  dim_t next_step() const { return next_step_; }
  dim_t steps_per_epoch() const { return steps_per_epoch_; }
  dim_t total_steps() const { return steps_per_epoch_ * options_.epochs; }

  /// The network to evaluate and to keep: that with averaged weights and statistics if there is one, else the trained
  /// one.
  Network& result() { return average_ ? *average_ : network_; }

  /// Writes weights, statistics, averages, optimiser state and position, atomically. `fingerprint` names the
  /// configuration.
  void save(const std::filesystem::path& path, const std::string& fingerprint) const;
  /// Goes on where `save` was called. Throws DataError when the file is of another configuration, or does not fit.
  void resume(const std::filesystem::path& path, const std::string& fingerprint);

 private:
  void start_loader();
  void load_batch(float learning_rate);
  void passes_and_update();
  void run_on_device();
  void update_average();

  Network& network_;
  const ImageDataset& data_;
  TrainerOptions options_;
  dim_t steps_per_epoch_ = 0;
  dim_t next_step_ = 0;
  std::vector<Tensor> parameters_;
  Optimizer optimizer_;
  std::unique_ptr<Network> average_;
  std::unique_ptr<DataLoader> loader_;
  Batch batch_;
  // Inputs and results of a step. Their memory stays the same on a device, for the captured graph.
  Tensor images_, labels_, learning_rate_, loss_, logits_;
  std::unique_ptr<CapturedWork> captured_;
};

}  // namespace engram
