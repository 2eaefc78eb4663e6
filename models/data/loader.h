#pragma once
/// Shuffled, augmented batches of a data set, prepared ahead of time by one background thread.

#include <memory>

#include "models/data/augment.h"
#include "models/data/dataset.h"

namespace engram {

/// How a DataLoader walks through a data set.
struct LoaderOptions {
  dim_t batch_size = 128;
  bool shuffle = false;    ///< a fresh permutation each epoch, a function of (seed, epoch)
  bool drop_last = false;  ///< leave out the incomplete batch at the end of an epoch
  AugmentOptions augment;  ///< default: normalise only
  std::uint64_t seed = 0;  ///< of the shuffles and the augmentation
  dim_t epochs = 0;        ///< epochs to walk through in all, counted from epoch 0; 0 is without end
  int prefetch = 2;        ///< batches prepared ahead; 0 prepares each in next(), on the caller's thread
};

/// A place in the sequence of batches: the batch with this index in this epoch comes next. It is all the state there
/// is.
struct LoaderPosition {
  dim_t epoch = 0;
  dim_t batch = 0;
};

/// One batch.
struct Batch {
  std::vector<float> images;         ///< normalised, planar [count, channels, height, width]
  std::vector<std::int32_t> labels;  ///< [count]
  std::vector<dim_t> samples;        ///< [count] indices into the data set
  dim_t count = 0;
  LoaderPosition position;  ///< of this batch
  bool last_of_epoch = false;
};

/// The order in which `count` samples are visited in an epoch: a uniformly drawn permutation, a function of its
/// arguments.
std::vector<dim_t> shuffled_order(dim_t count, std::uint64_t seed, dim_t epoch);

/// Hands out the batches of epoch after epoch. Contents depend on data, options and position only: not on threads,
/// prefetching or timing, so a loader that starts at a saved position goes on exactly as the first would have.
class DataLoader {
 public:
  /// `data` must outlive the loader and stay unchanged. Throws UsageError for options or a start that do not fit.
  DataLoader(const ImageDataset& data, const LoaderOptions& options, LoaderPosition start = {});
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  /// Puts the next batch into `batch`, whose storage is reused; false after the last epoch.
  bool next(Batch& batch);

  /// Position of the batch that next() will hand out: save it, and construct a loader with it to go on.
  LoaderPosition position() const { return position_; }

  /// Number of batches in one epoch.
  dim_t batches_per_epoch() const { return batches_per_epoch_; }

 private:
  class Producer;
  struct Prefetch;

  dim_t batches_per_epoch_ = 0;
  LoaderPosition position_;
  std::unique_ptr<Prefetch> prefetch_;
};

}  // namespace engram
