#include "models/data/environment_stager.h"

#include <algorithm>
#include <numeric>

#include "engine/ops/layout.h"
#include "engine/random.h"
#include "kernels/common/error.h"

namespace engram {
namespace {

bool changes_images(const AugmentOptions& o) {
  return o.padding > 0 || o.flip_probability > 0 || o.cutout > 0 || changes_style(o) || changes_bytes(o);
}

}  // namespace

EnvironmentStager::EnvironmentStager(const Environments& environments, const EnvironmentPlan& plan,
                                     const Device& device)
    : plan_(plan) {
  dim_t begin = 0, most = 0;
  for (const Environment& e : environments) {
    if (plan.batch_size < 0 || plan.batch_size > e.images.count)
      throw UsageError(message("[environments] expected a batch size of at most the ", e.images.count, " images of ",
                               e.name, ", got ", plan.batch_size));
    if (plan.batch_size == 1 || e.images.count == 1)
      throw UsageError(message("[environments] expected batches of at least 2 images, got 1 of ", e.name));
    sizes_.push_back(e.images.count);
    begins_.push_back(begin);
    begin += e.images.count;
    most += plan.batch_size > 0 ? plan.batch_size : e.images.count;
  }
  data_ = std::make_unique<DeviceDataset>(pool_environments(environments, "all").images, device);
  draws_ = std::make_unique<StagedDraws>(*data_, plan.augment, plan.seed, most);
  fixed_ = plan.batch_size == 0 && !changes_images(plan.augment);
  orders_.resize(sizes_.size());
  samples_.resize(sizes_.size());
  order_epochs_.assign(sizes_.size(), -1);
}

dim_t EnvironmentStager::batch_of(std::size_t environment) const {
  return plan_.batch_size > 0 ? plan_.batch_size : sizes_[environment];
}

dim_t EnvironmentStager::steps_per_epoch() const {
  dim_t steps = 1;
  for (std::size_t e = 0; e < sizes_.size(); ++e) steps = std::max(steps, sizes_[e] / batch_of(e));
  return steps;
}

const std::vector<dim_t>& EnvironmentStager::order_of(std::size_t environment, dim_t epoch) {
  std::vector<dim_t>& order = orders_[environment];
  if (order_epochs_[environment] == epoch) return order;
  if (plan_.batch_size > 0) {
    order = shuffled_order(sizes_[environment], Generator(plan_.seed).split(environment).seed(), epoch);
  } else {
    order.resize(std::size_t(sizes_[environment]));
    std::iota(order.begin(), order.end(), dim_t{0});
  }
  order_epochs_[environment] = epoch;
  return order;
}

void EnvironmentStager::stage(dim_t step) {
  if (step < 0) throw UsageError(message("[environments] expected a step of at least 0, got ", step));
  if (fixed_ && !kept_.environments.empty()) return;
  std::vector<SamplePlace> places;
  for (std::size_t e = 0; e < sizes_.size(); ++e) {
    const dim_t batch = batch_of(e), batches = sizes_[e] / batch, epoch = fixed_ ? 0 : step / batches;
    const std::vector<dim_t>& order = order_of(e, epoch);
    const auto first = order.begin() + step % batches * batch;
    samples_[e].assign(first, first + batch);
    for (const dim_t index : samples_[e]) places.push_back({epoch, begins_[e] + index});
  }
  draws_->stage(places);
  if (fixed_) kept_ = split(draws_->gather());
}

EnvironmentBatch EnvironmentStager::gather() const {
  return fixed_ ? kept_ : split(draws_->gather());
}

EnvironmentBatch EnvironmentStager::split(const ImageBatch& batch) const {
  const Tensor images = batch.images.contiguous();
  const dim_t total = images.dim(0);
  EnvironmentBatch parts;
  dim_t begin = 0;
  for (std::size_t e = 0; e < sizes_.size(); ++e) {
    const dim_t count = batch_of(e), end = begin + count;
    parts.environments.push_back({slice(images, 0, begin, end), batch.labels.alias({count}, {1}, begin)});
    if (num_contexts() > 0) parts.contexts.push_back(batch.labels.alias({count}, {1}, total + begin));
    begin = end;
  }
  return parts;
}

}  // namespace engram
