#pragma once
/// Environments in an order, or mixed, as a step's draws say.

#include "models/data/environment_source.h"

namespace engram {

/// All environments of a batch, cut to the size of the smallest, so that any can take the place of any other. Which one
/// is taken is read from tensors, so that captured work takes others each time.
class StackedEnvironments {
 public:
  StackedEnvironments(const EnvironmentBatch& batch, int classes);

  struct Mixed {
    Tensor images;   ///< [B,C,H,W]
    Tensor targets;  ///< [B,classes]
  };
  /// Row number `row` of `shares` [rows, environments] says how much of each environment the images and one-hot labels
  /// have: a 1 picks one.
  Mixed mixed(const Tensor& shares, dim_t row) const;

 private:
  Tensor images_, targets_;  // a row an environment
  Shape shape_;
  dim_t classes_;
};

}  // namespace engram
