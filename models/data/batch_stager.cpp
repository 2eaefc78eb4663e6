#include "models/data/batch_stager.h"

#include <algorithm>
#include <numeric>

#include "kernels/common/error.h"

namespace engram {

namespace {

/// The golden ratio's bits: seeds of neighbouring numbers keep views of their own.
std::uint64_t seed_of_view(const BatchPlan& plan) {
  return plan.seed ^ plan.view * 0x9e3779b97f4a7c15u;
}

}  // namespace

BatchStager::BatchStager(const DeviceDataset& data, const BatchPlan& plan)
    : data_(data),
      plan_(plan),
      batches_per_epoch_(engram::batches_per_epoch(plan, data.count())),
      draws_(data, plan.augment, seed_of_view(plan), std::min(plan.batch_size, data.count())) {}

void BatchStager::make_order(dim_t epoch) {
  if (plan_.shuffle) {
    order_ = shuffled_order(data_.count(), plan_.seed, epoch);
  } else {
    order_.resize(std::size_t(data_.count()));
    std::iota(order_.begin(), order_.end(), dim_t{0});
  }
  order_epoch_ = epoch;
}

void BatchStager::stage(BatchPosition position) {
  const auto [epoch, batch] = position;
  if (epoch < 0 || batch < 0 || batch >= batches_per_epoch_)
    throw UsageError(message("[batches] expected an epoch of at least 0 and a batch 0..", batches_per_epoch_ - 1,
                             ", got epoch ", epoch, ", batch ", batch));
  if (epoch != order_epoch_) make_order(epoch);
  const dim_t begin = batch * plan_.batch_size, end = std::min(begin + plan_.batch_size, data_.count());
  samples_.assign(order_.begin() + begin, order_.begin() + end);
  std::vector<SamplePlace> places;
  for (const dim_t index : samples_) places.push_back({epoch, index});
  draws_.stage(places);
}

LabelledBatch BatchStager::gather() const {
  const ImageBatch batch = draws_.gather();
  return {batch.images, batch.labels.alias({count()}, {1}, 0)};
}

}  // namespace engram
