#pragma once
/// The settings of an update rule, the same in every program that trains.

#include <string>

#include "apps/common/cli.h"
#include "models/training/optimizer.h"

namespace engram::apps {

struct OptimizerSettings {
  std::string rule = "sgd";  ///< or "adam", "adamw"
  double lr = 0.1;
  double momentum = 0.9;
  bool nesterov = true;
  double weight_decay = 5e-4;
};

/// Registers --optimizer and what add_sgd_settings registers.
void add_optimizer_settings(Cli& cli, OptimizerSettings& settings);

/// Registers --lr, --momentum, --nesterov and --weight-decay, for programs that update by SGD alone.
void add_sgd_settings(Cli& cli, OptimizerSettings& settings);

/// What they mean to the library. The learning rate is the schedule's matter.
OptimizerOptions optimizer_options(const OptimizerSettings& settings);

}  // namespace engram::apps
