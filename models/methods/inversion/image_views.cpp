#include "models/methods/inversion/image_views.h"

#include <algorithm>
#include <cmath>

#include "engine/ops.h"
#include "models/training/staged.h"

namespace engram {
namespace {

void check_count(std::size_t got, dim_t expected) {
  if (dim_t(got) != expected) throw ShapeError(message("[views] expected draws for ", expected, " images, got ", got));
}

bool coin(Generator& generator) {
  return generator.integer(0, 2) == 1;
}

/// A box that fits, or one without rows.
BoxDraw try_box(double min_area, const ImageShape& image, Generator& generator) {
  const double area = double(image.height * image.width) * double(generator.number(float(min_area), 1));
  const double ratio = std::exp(double(generator.number(float(std::log(3.0 / 4)), float(std::log(4.0 / 3)))));
  BoxDraw box;
  box.width = int(std::lround(std::sqrt(area * ratio)));
  box.height = int(std::lround(std::sqrt(area / ratio)));
  if (box.width < 1 || box.width > image.width || box.height < 1 || box.height > image.height) return {};
  box.top = generator.integer(0, std::int32_t(image.height) - box.height + 1);
  box.left = generator.integer(0, std::int32_t(image.width) - box.width + 1);
  return box;
}

/// The matrix [extent, extent] that interpolates `extent` points between pixel `first` and `first + length - 1`.
void interpolate(float* matrix, dim_t extent, int first, int length, bool flip) {
  std::fill_n(matrix, extent * extent, 0.f);
  const double step = extent > 1 ? double(length - 1) / double(extent - 1) : 0;
  for (dim_t i = 0; i < extent; ++i) {
    float* const row = matrix + (flip ? extent - 1 - i : i) * extent;
    const double place = first + step * double(i);
    const auto low = std::min(dim_t(place), dim_t(first + length - 1));
    const dim_t high = std::min(low + 1, dim_t(first + length - 1));
    const double share = place - double(low);
    row[low] += float(1 - share);
    row[high] += float(share);
  }
}

}  // namespace

std::vector<CropDraw> draw_crops(dim_t count, int padding, Generator& generator) {
  std::vector<CropDraw> draws;
  for (dim_t i = 0; i < count; ++i) {
    CropDraw draw;
    draw.dy = generator.integer(-padding, padding + 1);
    draw.dx = generator.integer(-padding, padding + 1);
    draw.flip = coin(generator);
    draws.push_back(draw);
  }
  return draws;
}

std::vector<BoxDraw> draw_boxes(dim_t count, double min_area, const ImageShape& image, Generator& generator) {
  constexpr int kAttempts = 10;
  std::vector<BoxDraw> draws;
  for (dim_t i = 0; i < count; ++i) {
    BoxDraw box;
    for (int attempt = 0; attempt < kAttempts && box.height == 0; ++attempt) box = try_box(min_area, image, generator);
    if (box.height == 0) box = {0, 0, int(image.height), int(image.width), false};
    box.flip = coin(generator);
    draws.push_back(box);
  }
  return draws;
}

StagedCrops::StagedCrops(dim_t count, const Device& device)
    : offsets_(Tensor::from(std::vector<std::int32_t>(std::size_t(2 * count), 0), {count, 2}, device)),
      flips_(Tensor::from(std::vector<std::uint8_t>(std::size_t(count), 0), {count}, device)) {}

void StagedCrops::stage(const std::vector<CropDraw>& draws) {
  check_count(draws.size(), flips_.dim(0));
  std::vector<std::int32_t> offsets;
  std::vector<std::uint8_t> flips;
  for (const CropDraw& draw : draws) {
    offsets.insert(offsets.end(), {draw.dy, draw.dx});
    flips.push_back(draw.flip);
  }
  stage_values(offsets_, offsets);
  stage_values(flips_, flips);
}

Tensor StagedCrops::apply(const Tensor& x) const {
  return flip_images(crop_images(x, offsets_, x.dim(2), x.dim(3)), flips_);
}

StagedBoxes::StagedBoxes(dim_t count, const ImageShape& image, const Device& device)
    : image_(image),
      rows_(Tensor::zeros({count, image.height, image.height}, device)),
      columns_(Tensor::zeros({count, image.width, image.width}, device)) {}

void StagedBoxes::stage(const std::vector<BoxDraw>& draws) {
  check_count(draws.size(), rows_.dim(0));
  const dim_t h = image_.height, w = image_.width;
  std::vector<float> rows(std::size_t(rows_.numel())), columns(std::size_t(columns_.numel()));
  for (std::size_t i = 0; i < draws.size(); ++i) {
    const BoxDraw& box = draws[i];
    if (box.top < 0 || box.left < 0 || box.height < 1 || box.width < 1 || box.top + box.height > h ||
        box.left + box.width > w)
      throw UsageError(message("[views] expected a box within ", h, "x", w, " pixels, got ", box.height, "x", box.width,
                               " at ", box.top, ",", box.left));
    interpolate(rows.data() + dim_t(i) * h * h, h, box.top, box.height, false);
    interpolate(columns.data() + dim_t(i) * w * w, w, box.left, box.width, box.flip);
  }
  stage_values(rows_, rows);
  stage_values(columns_, columns);
}

Tensor StagedBoxes::apply(const Tensor& x) const {
  const dim_t n = x.dim(0), c = x.dim(1), h = x.dim(2), w = x.dim(3);
  // Along the rows for all channels at once, then along the columns.
  const Tensor by_rows = reshape(permute(x.contiguous(), {0, 2, 1, 3}).contiguous(), {n, h, c * w});
  const Tensor mixed = reshape(batched_matmul(rows_, by_rows), {n, h * c, w});
  const Tensor y = reshape(batched_matmul(mixed, columns_, false, true), {n, h, c, w});
  return permute(y, {0, 2, 1, 3}).contiguous();
}

}  // namespace engram
