#include "models/data/loader.h"

#include <algorithm>
#include <numeric>

#include "engine/sample_random.h"
#include "kernels/common/error.h"
#include "models/data/prefetcher.h"

namespace engram {
namespace {

dim_t count_batches(const ImageDataset& data, const LoaderOptions& options) {
  if (options.batch_size < 1) {
    throw UsageError(message("[loader] expected a batch size of at least 1, got ", options.batch_size));
  }
  if (options.prefetch < 0) {
    throw UsageError(message("[loader] expected a prefetch depth of at least 0, got ", options.prefetch));
  }
  if (options.epochs < 0) {
    throw UsageError(message("[loader] expected a number of epochs of at least 0, got ", options.epochs));
  }
  const dim_t whole = data.count / options.batch_size, rest = data.count % options.batch_size;
  const dim_t batches = whole + (rest > 0 && !options.drop_last ? 1 : 0);
  if (batches == 0) {
    throw UsageError(message("[loader] expected at least one batch an epoch, got none: ", data.count,
                             " images, batch size ", options.batch_size,
                             options.drop_last ? ", the incomplete batch left out" : ""));
  }
  return batches;
}

}  // namespace

std::vector<dim_t> shuffled_order(dim_t count, std::uint64_t seed, dim_t epoch) {
  std::vector<dim_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), dim_t{0});
  SampleRandom random(seed, RandomPurpose::kShuffle, epoch, 0);
  for (dim_t i = count - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  return order;
}

// Makes the batches one after the other; lives on the prefetching thread.
class DataLoader::Producer {
 public:
  Producer(const ImageDataset& data, const LoaderOptions& options, dim_t batches_per_epoch, LoaderPosition start)
      : data_(data),
        options_(options),
        batches_per_epoch_(batches_per_epoch),
        position_(start),
        table_(data.normalization) {}

  bool operator()(Batch& batch) {
    if (options_.epochs > 0 && position_.epoch >= options_.epochs) return false;
    if (order_epoch_ != position_.epoch) make_order();
    const dim_t begin = position_.batch * options_.batch_size;
    batch.count = std::min(options_.batch_size, data_.count - begin);
    batch.position = position_;
    batch.last_of_epoch = position_.batch + 1 == batches_per_epoch_;
    batch.images.resize(static_cast<std::size_t>(batch.count * data_.image_bytes()));
    batch.labels.resize(static_cast<std::size_t>(batch.count));
    batch.samples.assign(order_.begin() + begin, order_.begin() + begin + batch.count);
    for (dim_t i = 0; i < batch.count; ++i) {
      const dim_t sample = batch.samples[i];
      batch.labels[i] = data_.labels[sample];
      const AugmentDraw draw =
          draw_augmentation(options_.augment, options_.seed, position_.epoch, sample, data_.height, data_.width);
      augment_image(data_.image(sample), data_.channels, data_.height, data_.width, draw, options_.augment.pad_mode,
                    table_, batch.images.data() + i * data_.image_bytes());
    }
    position_ = batch.last_of_epoch ? LoaderPosition{position_.epoch + 1, 0}
                                    : LoaderPosition{position_.epoch, position_.batch + 1};
    return true;
  }

 private:
  void make_order() {
    if (options_.shuffle) {
      order_ = shuffled_order(data_.count, options_.seed, position_.epoch);
    } else {
      order_.resize(static_cast<std::size_t>(data_.count));
      std::iota(order_.begin(), order_.end(), dim_t{0});
    }
    order_epoch_ = position_.epoch;
  }

  const ImageDataset& data_;
  const LoaderOptions options_;
  const dim_t batches_per_epoch_;
  LoaderPosition position_;
  const NormalizationTable table_;
  std::vector<dim_t> order_;
  dim_t order_epoch_ = -1;
};

struct DataLoader::Prefetch {
  Prefetch(std::function<bool(Batch&)> produce, int depth) : queue(std::move(produce), depth) {}
  Prefetcher<Batch> queue;
};

DataLoader::DataLoader(const ImageDataset& data, const LoaderOptions& options, LoaderPosition start)
    : batches_per_epoch_(count_batches(data, options)), position_(start) {
  check_dataset(data, "the data set " + data.name);
  check_augmentation(options.augment, data.height, data.width);
  if (start.epoch < 0 || start.batch < 0 || start.batch >= batches_per_epoch_) {
    throw UsageError(message("[loader] expected a start with epoch at least 0 and batch 0..", batches_per_epoch_ - 1,
                             ", got epoch ", start.epoch, ", batch ", start.batch));
  }
  prefetch_ = std::make_unique<Prefetch>(Producer(data, options, batches_per_epoch_, start), options.prefetch);
}

DataLoader::~DataLoader() = default;

bool DataLoader::next(Batch& batch) {
  if (!prefetch_->queue.next(batch)) return false;
  position_ = batch.last_of_epoch ? LoaderPosition{batch.position.epoch + 1, 0}
                                  : LoaderPosition{batch.position.epoch, batch.position.batch + 1};
  return true;
}

}  // namespace engram
