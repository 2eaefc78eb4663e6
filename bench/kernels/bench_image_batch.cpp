/// Batches of CIFAR images from stored bytes, beside a copy of the result.

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/image_batch/image_batch.h"

namespace engram::kernels {
namespace {

constexpr dim_t kC = 3, kSide = 32, kStored = 10000;

struct Problem {
  dim_t n;
  std::vector<std::uint8_t> bytes;
  std::vector<std::int32_t> labels, y_labels;
  std::vector<ImageSource> sources;
  std::vector<ImageStyle> styles;
  std::vector<float> values, mean, deviation, y;

  explicit Problem(const benchmark::State& state)
      : n(state.range(0)),
        bytes(std::size_t(kStored * kC * kSide * kSide)),
        labels(std::size_t(kStored), 1),
        y_labels(std::size_t(n)),
        values(bench::values(kC * 256)),
        mean(std::size_t(kC), 0.5f),
        deviation(std::size_t(kC), 0.25f),
        y(std::size_t(n * kC * kSide * kSide)) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::uint8_t(i * 2654435761u >> 24);
    for (std::int32_t i = 0; i < n; ++i) {
      sources.push_back({std::int32_t((i * 7919) % kStored), i % 9 - 4, i / 3 % 9 - 4, i & 1});
      ImageStyle style;
      style.top = i % 5;
      style.height = 20 + i % 8;
      style.width = 32 - i % 8;
      style.brightness = style.contrast = style.saturation = 1.2f;
      style.hue = 0.1f;
      styles.push_back(style);
    }
  }
  ImageSetView view() const { return {bytes.data(), labels.data(), kStored, kC, kSide, kSide, 1, false}; }
  ActivationShape shape() const { return {n, kC, kSide, kSide, 1}; }
};

void copy(benchmark::State& state) {
  bench::copy_of(state, state.range(0) * kC * kSide * kSide * 8);
}
BENCHMARK(copy)->Arg(128)->Arg(1024)->UseRealTime();

void gather(benchmark::State& state) {
  Problem x(state);
  const GatherImagesArgs args = {x.view(),        x.sources.data(), nullptr,    0,
                                 x.values.data(), x.shape(),        x.y.data(), x.y_labels.data()};
  bench::run(state, gather_images_cost(args), [&] { cpu_backend().image_batch.gather({}, args); });
}
BENCHMARK(gather)->Arg(128)->Arg(1024)->UseRealTime();

void style(benchmark::State& state) {
  Problem x(state);
  const StyleImagesArgs args = {
      x.view(),           x.sources.data(), x.styles.data(), nullptr,          0, true, x.mean.data(),
      x.deviation.data(), x.shape(),        x.y.data(),      x.y_labels.data()};
  bench::run(state, style_images_cost(args), [&] { cpu_backend().image_batch.style({}, args); });
}
BENCHMARK(style)->Arg(128)->UseRealTime();

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
