#include "models/data/batch_stager.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "engine/device_memory.h"
#include "kernels/common/error.h"
#include "models/data/augment_draw.h"

namespace engram {
namespace {

/// Room for `rows` of structs of `words` words.
Tensor words_for(dim_t rows, std::size_t words, const Device& device) {
  return Tensor::empty({rows, dim_t(words)}, DType::kI32, device);
}

/// Queues a copy of structs to the first rows of their tensor.
template <class T>
void copy_rows(const Tensor& target, const std::vector<T>& rows) {
  if (rows.empty()) return;
  copy_to_device(target.device(), target.raw_data(), rows.data(), rows.size() * sizeof(T));
  target.bump_version();
}

/// The first `rows` of a tensor, seen with this shape.
Tensor first_rows(const Tensor& x, const Shape& shape) {
  return x.alias(shape, dense_strides(shape), 0);
}

template <class T>
constexpr std::size_t kWords = sizeof(T) / sizeof(std::int32_t);

}  // namespace

BatchStager::BatchStager(const DeviceDataset& data, const BatchPlan& plan)
    : data_(data), plan_(plan), batches_per_epoch_(engram::batches_per_epoch(plan, data.count())) {
  check_augmentation(plan.augment, data.channels(), data.height(), data.width());
  const dim_t most = std::min(plan.batch_size, data.count()), holes = num_holes(plan.augment);
  staged_sources_ = words_for(most, kWords<kernels::ImageSource>, data.device());
  if (holes > 0) staged_holes_ = words_for(most * holes, kWords<kernels::ImageHole>, data.device());
  if (changes_style(plan.augment)) staged_styles_ = words_for(most, kWords<kernels::ImageStyle>, data.device());
}

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

  const dim_t holes = num_holes(plan_.augment);
  std::vector<kernels::ImageSource> sources;
  std::vector<kernels::ImageStyle> styles;
  std::vector<kernels::ImageHole> all_holes(std::size_t(count() * holes));
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const std::span own = std::span(all_holes).subspan(i * std::size_t(holes), std::size_t(holes));
    sources.push_back(draw_move(plan_.augment, plan_.seed, epoch, samples_[i], data_.height(), data_.width(), own));
    if (staged_styles_.defined())
      styles.push_back(
          draw_style(plan_.augment, plan_.seed, epoch, samples_[i], data_.height(), data_.width(), sources.back()));
  }
  copy_rows(staged_sources_, sources);
  copy_rows(staged_holes_, all_holes);
  copy_rows(staged_styles_, styles);
}

LabelledBatch BatchStager::gather() const {
  const dim_t n = count(), holes = num_holes(plan_.augment);
  ImageDraws draws;
  draws.sources = first_rows(staged_sources_, {n, kWords<kernels::ImageSource>});
  if (holes > 0) draws.holes = first_rows(staged_holes_, {n, holes, kWords<kernels::ImageHole>});
  draws.reflect = plan_.augment.pad_mode == PadMode::kReflect;
  const ImageBatch batch =
      staged_styles_.defined()
          ? style_images(data_.stored(), draws, first_rows(staged_styles_, {n, kWords<kernels::ImageStyle>}),
                         changes_colors(plan_.augment), data_.mean(), data_.deviation(), data_.height(), data_.width())
          : gather_images(data_.stored(), draws, data_.values());
  return {batch.images, first_rows(batch.labels, {n})};
}

}  // namespace engram
