#include "models/data/staged_draws.h"

#include <span>

#include "engine/device_memory.h"
#include "kernels/common/parallel.h"
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

/// The first rows of a tensor, seen with this shape.
Tensor first_rows(const Tensor& x, const Shape& shape) {
  return x.alias(shape, dense_strides(shape), 0);
}

template <class T>
constexpr std::size_t kWords = sizeof(T) / sizeof(std::int32_t);

}  // namespace

StagedDraws::StagedDraws(const DeviceDataset& data, const AugmentOptions& augment, std::uint64_t seed, dim_t most)
    : data_(data), augment_(augment), seed_(seed) {
  check_augmentation(augment, data.channels(), data.height(), data.width());
  const dim_t holes = num_holes(augment);
  sources_ = words_for(most, kWords<kernels::ImageSource>, data.device());
  if (holes > 0) holes_ = words_for(most * holes, kWords<kernels::ImageHole>, data.device());
  if (changes_style(augment)) styles_ = words_for(most, kWords<kernels::ImageStyle>, data.device());
  if (!changes_bytes(augment)) return;
  host_images_ = data.stored().images.to({});
  bytes_ = Tensor::empty({most, data.channels(), data.height(), data.width()}, DType::kU8, data.device());
  host_labels_ = data.stored().labels.to_int_vector();
  labels_ = words_for(data.stored().labels.dim(0), std::size_t(most), data.device());
}

void StagedDraws::stage_bytes(const std::vector<SamplePlace>& samples, std::vector<kernels::ImageSource>& moves) {
  const dim_t size = data_.channels() * data_.height() * data_.width();
  const kernels::ImageSetView set = {.images = host_images_.data<std::uint8_t>(),
                                     .labels = nullptr,
                                     .count = data_.count(),
                                     .c = data_.channels(),
                                     .h = data_.height(),
                                     .w = data_.width(),
                                     .label_sets = 0,
                                     .reflect = augment_.pad_mode == PadMode::kReflect};
  constexpr dim_t kWorkPerByte = 20;
  std::vector<std::uint8_t> bytes(std::size_t(count_ * size));
  kernels::parallel_for(count_, size * kWorkPerByte, [&](dim_t i) {
    const ByteImage image = draw_bytes(augment_, seed_, samples[std::size_t(i)].epoch, set, moves[std::size_t(i)]);
    std::copy(image.pixels.begin(), image.pixels.end(), bytes.begin() + i * size);
  });
  copy_rows(bytes_, bytes);
  std::vector<std::int32_t> labels;
  for (dim_t s = 0; s < labels_.dim(0); ++s)
    for (const kernels::ImageSource& move : moves)
      labels.push_back(host_labels_[std::size_t(s * data_.count() + move.index)]);
  copy_rows(labels_, labels);
  for (std::size_t i = 0; i < moves.size(); ++i) moves[i] = {.index = std::int32_t(i)};
}

void StagedDraws::stage(const std::vector<SamplePlace>& samples) {
  count_ = dim_t(samples.size());
  const dim_t holes = num_holes(augment_);
  std::vector<kernels::ImageSource> sources;
  std::vector<kernels::ImageStyle> styles;
  std::vector<kernels::ImageHole> all_holes(std::size_t(count_ * holes));
  sources.reserve(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto [epoch, index] = samples[i];
    const std::span own = std::span(all_holes).subspan(i * std::size_t(holes), std::size_t(holes));
    sources.push_back(draw_move(augment_, seed_, epoch, index, data_.height(), data_.width(), own));
  }
  if (bytes_.defined()) stage_bytes(samples, sources);
  for (std::size_t i = 0; i < samples.size() && styles_.defined(); ++i)
    styles.push_back(
        draw_style(augment_, seed_, samples[i].epoch, samples[i].index, data_.height(), data_.width(), sources[i]));
  copy_rows(sources_, sources);
  copy_rows(holes_, all_holes);
  copy_rows(styles_, styles);
}

ImageBatch StagedDraws::gather() const {
  const dim_t holes = num_holes(augment_);
  ImageDraws draws;
  draws.sources = first_rows(sources_, {count_, kWords<kernels::ImageSource>});
  if (holes > 0) draws.holes = first_rows(holes_, {count_, holes, kWords<kernels::ImageHole>});
  draws.reflect = augment_.pad_mode == PadMode::kReflect;
  StoredImages from = data_.stored();
  if (bytes_.defined())
    from = {first_rows(bytes_, {count_, data_.channels(), data_.height(), data_.width()}),
            first_rows(labels_, {labels_.dim(0), count_})};
  if (!styles_.defined()) return gather_images(from, draws, data_.values());
  return style_images(from, draws, first_rows(styles_, {count_, kWords<kernels::ImageStyle>}), changes_colors(augment_),
                      data_.mean(), data_.deviation(), data_.height(), data_.width());
}

}  // namespace engram
