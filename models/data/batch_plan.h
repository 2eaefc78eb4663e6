#pragma once
/// In which order an image set is walked through, and what is done to its images: a plan from which every batch
/// follows.

#include <vector>

#include "models/data/augment.h"

namespace engram {

/// How batches are taken from a set. What a batch holds depends on the set, the plan and the batch's place only, so a
/// walk that begins at any place goes on exactly as the first would have.
struct BatchPlan {
  dim_t batch_size = 128;
  bool shuffle = false;         ///< a fresh permutation each epoch, a function of (seed, epoch)
  bool drop_last = false;       ///< leave out the incomplete batch at the end of an epoch
  AugmentOptions augment = {};  ///< default: normalise only
  std::uint64_t seed = 0;       ///< of the shuffles and the augmentation
  std::uint64_t view = 0;       ///< another one: the same images in the same order, changed otherwise
};

/// A place in the sequence of batches.
struct BatchPosition {
  dim_t epoch = 0;
  dim_t batch = 0;
};

/// Batches of one epoch over `count` images. Throws UsageError for a plan that makes no sense or gives no batch.
dim_t batches_per_epoch(const BatchPlan& plan, dim_t count);

/// The order in which `count` samples are visited in an epoch: a uniformly drawn permutation, a function of its
/// arguments.
std::vector<dim_t> shuffled_order(dim_t count, std::uint64_t seed, dim_t epoch);

}  // namespace engram
