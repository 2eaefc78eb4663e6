/// Kernels that look at neighbouring pixels or move them: pooling, resampling, padding and cropping. Activations are
/// channels-last, images planar.

#include "bench/kernel_cases/kernel_case.h"
#include "kernels/pool/pool.h"
#include "kernels/resample/resample.h"
#include "kernels/spatial/spatial.h"

namespace engram::bench {
namespace {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

PoolGeometry halving(const ActivationShape& shape) {
  return {.x = shape, .kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2};
}

std::function<void()> max_pool(DeviceArrays& device, const ActivationShape& shape) {
  const PoolGeometry g = halving(shape);
  return call(device.kernels().pool.max_pool,
              MaxPoolArgs{g, device.values(shape.count()), device.empty<float>(g.y().count()),
                          device.empty<std::int32_t>(g.y().count())});
}

std::function<void()> max_pool_backward(DeviceArrays& device, const ActivationShape& shape) {
  const PoolGeometry g = halving(shape);
  auto* index = device.empty<std::int32_t>(g.y().count());
  device.kernels().pool.max_pool({}, {g, device.values(shape.count()), device.empty<float>(g.y().count()), index});
  return call(device.kernels().pool.max_pool_backward,
              MaxPoolBackwardArgs{g, device.values(g.y().count()), index, device.empty<float>(shape.count())});
}

std::function<void()> avg_pool(DeviceArrays& device, const ActivationShape& shape) {
  const PoolGeometry g = halving(shape);
  return call(device.kernels().pool.avg_pool,
              AvgPoolArgs{g, device.values(shape.count()), device.empty<float>(g.y().count())});
}

std::function<void()> global_avg_pool(DeviceArrays& device, const ActivationShape& shape) {
  return call(device.kernels().pool.global_avg_pool,
              GlobalAvgPoolArgs{shape, device.values(shape.count()), device.empty<float>(shape.n * shape.c)});
}

std::function<void()> upsample(DeviceArrays& device, const ActivationShape& shape) {
  return call(device.kernels().resample.upsample_nearest,
              UpsampleNearestArgs{shape, 2, device.values(shape.count()), device.empty<float>(4 * shape.count())});
}

std::function<void()> upsample_backward(DeviceArrays& device, const ActivationShape& shape) {
  return call(
      device.kernels().resample.upsample_nearest_backward,
      UpsampleNearestBackwardArgs{shape, 2, device.values(4 * shape.count()), device.empty<float>(shape.count())});
}

constexpr dim_t kPadding = 4;

PadArgs pad_args(const ActivationShape& shape) {
  return {shape, nullptr, nullptr, kPadding, kPadding, kPadding, kPadding};
}

std::function<void()> pad(DeviceArrays& device, const ActivationShape& shape) {
  PadArgs args = pad_args(shape);
  args.x = device.values(shape.count());
  args.y = device.empty<float>(shape.n * shape.c * (shape.h + 2 * kPadding) * (shape.w + 2 * kPadding));
  return call(device.kernels().spatial.pad, args);
}

ShiftedCropArgs crop_args(const ActivationShape& shape) {
  return {shape, nullptr, nullptr, shape.h, shape.w, nullptr};
}

std::function<void()> shifted_crop(DeviceArrays& device, const ActivationShape& shape) {
  std::vector<std::int32_t> offsets(std::size_t(2 * shape.n));
  for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = std::int32_t(i % 9) - 4;
  ShiftedCropArgs args = crop_args(shape);
  args.x = device.values(shape.count());
  args.offsets = device.copy_of(offsets);
  args.y = device.empty<float>(shape.count());
  return call(device.kernels().spatial.shifted_crop, args);
}

std::function<void()> horizontal_flip(DeviceArrays& device, const ActivationShape& shape) {
  std::vector<std::uint8_t> flags(std::size_t(shape.n));
  for (std::size_t i = 0; i < flags.size(); ++i) flags[i] = i % 2;
  return call(device.kernels().spatial.horizontal_flip,
              HorizontalFlipArgs{shape, device.values(shape.count()), device.copy_of(flags),
                                 device.empty<float>(shape.count())});
}

constexpr dim_t kRowWidth = 3072;

std::function<void()> gather_rows(DeviceArrays& device, const ActivationShape& shape) {
  const dim_t rows = shape.count() / kRowWidth;
  std::vector<std::int32_t> index(std::size_t(rows), 0);
  for (std::size_t i = 0; i < index.size(); ++i) index[i] = std::int32_t(i * 7 % std::size_t(rows));
  return call(device.kernels().spatial.gather_rows,
              GatherRowsArgs{device.values(rows * kRowWidth), device.copy_of(index),
                             device.empty<float>(rows * kRowWidth), rows, kRowWidth * 4});
}

}  // namespace

void add_window_cases(std::vector<KernelCase>& cases, std::int64_t scale) {
  const ActivationShape maps{16 * scale, 64, 16, 16, 64}, images{80 * scale, 3, 32, 32, 1};
  const auto add = [&](const char* name, const ActivationShape& shape, const Cost& cost, const auto& prepare) {
    cases.push_back({name, cost, [=](DeviceArrays& device) { return prepare(device, shape); }});
  };
  add("pool/max_pool", maps, max_pool_cost(halving(maps), true), max_pool);
  add("pool/max_pool_backward", maps, max_pool_backward_cost(halving(maps)), max_pool_backward);
  add("pool/avg_pool", maps, avg_pool_cost(halving(maps)), avg_pool);
  add("pool/global_avg_pool", maps, global_avg_pool_cost(maps), global_avg_pool);
  add("resample/upsample", maps, upsample_nearest_cost(maps, 2), upsample);
  add("resample/upsample_backward", maps, upsample_nearest_backward_cost(maps, 2), upsample_backward);
  add("spatial/pad", images, pad_cost(pad_args(images)), pad);
  add("spatial/shifted_crop", images, shifted_crop_cost(crop_args(images)), shifted_crop);
  add("spatial/horizontal_flip", images, horizontal_flip_cost(images), horizontal_flip);
  add("spatial/gather_rows", images, gather_rows_cost(images.count() / kRowWidth, kRowWidth * 4), gather_rows);
}

}  // namespace engram::bench
