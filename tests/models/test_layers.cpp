// Layers as configuration objects: against plain loops or the operations they are made of.
#include <gtest/gtest.h>

#include "engine/autograd.h"
#include "models/layers.h"
#include "tests/support/expect_error.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/tensor_testing.h"

namespace engram {
namespace {

using testing::random_tensor;
using testing::random_values;
using testing::relative_difference;

/// Scatters each input pixel times the kernel, as the definition has it.
std::vector<double> transposed(const ConvTranspose2dConfig& c, const Tensor& x, const Tensor& weight, dim_t out_h,
                               dim_t out_w) {
  const dim_t n = x.dim(0), h = x.dim(2), w = x.dim(3);
  const std::vector<float> xs = x.to_vector(), ws = weight.to_vector();
  std::vector<double> y(std::size_t(n * c.out_channels * out_h * out_w), 0.0);
  for (dim_t i = 0; i < n; ++i)
    for (dim_t ic = 0; ic < c.in_channels; ++ic)
      for (dim_t p = 0; p < h * w; ++p)
        for (dim_t oc = 0; oc < c.out_channels; ++oc)
          for (dim_t k = 0; k < c.kernel * c.kernel; ++k) {
            const dim_t row = p / w * c.stride - c.padding + k / c.kernel;
            const dim_t column = p % w * c.stride - c.padding + k % c.kernel;
            if (row < 0 || row >= out_h || column < 0 || column >= out_w) continue;
            y[std::size_t(((i * c.out_channels + oc) * out_h + row) * out_w + column)] +=
                double(xs[std::size_t((i * c.in_channels + ic) * h * w + p)]) *
                ws[std::size_t((ic * c.out_channels + oc) * c.kernel * c.kernel + k)];
          }
  return y;
}

TEST(ConvTranspose2d, ScattersTheKernel) {
  const ConvTranspose2dConfig configs[] = {
      {.in_channels = 3, .out_channels = 5},
      {.in_channels = 16, .out_channels = 32, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1},
      {.in_channels = 4, .out_channels = 1, .kernel = 3, .stride = 1, .padding = 0}};
  for (const ConvTranspose2dConfig& c : configs) {
    ConvTranspose2d layer(c, {});
    layer.initialize(3);
    const Tensor x = random_tensor({2, c.in_channels, 4, 5}, 1);
    const Tensor y = layer.forward(x);
    const dim_t h = 3 * c.stride - 2 * c.padding + c.kernel + c.output_padding;
    const dim_t w = 4 * c.stride - 2 * c.padding + c.kernel + c.output_padding;
    ASSERT_EQ(y.shape(), (Shape{2, c.out_channels, h, w}));
    const std::vector<double> expected = transposed(c, x, layer.weight, h, w);
    const std::vector<float> found = y.to_vector();
    for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 1e-5);
  }
}

TEST(ConvTranspose2d, HasABiasAndGradients) {
  ConvTranspose2d layer({.in_channels = 2, .out_channels = 3, .bias = true}, {});
  layer.initialize(3);
  Tensor x = random_tensor({1, 2, 3, 3}, 1);
  x.set_requires_grad();
  const Tensor y = layer.forward(x);
  backward(sum(square(y)));
  EXPECT_TRUE(x.grad().defined() && layer.weight.grad().defined());
  // d/db of sum(y^2) = sum of 2 y over images and pixels.
  EXPECT_LT(relative_difference(layer.bias.grad(), 2.f * sum(y, {0, 2, 3})), 1e-5);
  EXPECT_ERROR(layer.forward(random_tensor({1, 3, 3, 3}, 1)), ShapeError, "expected x [N,2,H,W]");
  EXPECT_ERROR(ConvTranspose2d({.in_channels = 2, .out_channels = 3, .output_padding = 2}, {}), UsageError,
               "from 0 to below the stride of 2, got 2");
}

TEST(Conv2dLayer, GroupsSeeTheirOwnChannels) {
  const Conv2dConfig config{.in_channels = 6, .out_channels = 4, .bias = true, .groups = 2};
  Conv2d layer(config, {});
  layer.initialize(3);
  EXPECT_EQ(layer.weight.shape(), (Shape{4, 3, 3, 3}));
  EXPECT_EQ(Conv2d::fan_in(config), 27);
  const Tensor x = random_tensor({2, 6, 5, 5}, 1);
  const auto half = [&](int g) {
    return conv2d(slice(x, 1, 3 * g, 3 * g + 3), slice(layer.weight, 0, 2 * g, 2 * g + 2),
                  slice(layer.bias, 0, 2 * g, 2 * g + 2), {.padding = 1});
  };
  EXPECT_LT(relative_difference(layer.forward(x), concat({half(0), half(1)}, 1)), 1e-6);
  EXPECT_ERROR(Conv2d({.in_channels = 6, .out_channels = 4, .groups = 4}, {}), UsageError,
               "expected groups that divide the channels, got 4 for 6 channels to 4");
}

TEST(BatchNorm2dLayer, TakesEpsMomentumAndNoParameters) {
  BatchNorm2d layer({.channels = 3, .eps = 0.5f, .momentum = 0.25f, .affine = false}, {});
  layer.initialize(1);
  EXPECT_EQ(layer.num_parameters(), 0);
  EXPECT_EQ(layer.named_state().size(), 2u);
  const Tensor x = random_tensor({4, 3, 2, 2}, 1);
  const Tensor mu = mean(x, {0, 2, 3}, true), variance = mean(square(x - mu), {0, 2, 3}, true);
  EXPECT_LT(relative_difference(layer.forward(x), (x - mu) / sqrt(variance + 0.5f)), 1e-5);
  EXPECT_LT(relative_difference(layer.running_mean, 0.25f * reshape(mu, {3})), 1e-5);
  EXPECT_LT(relative_difference(layer.running_var, 0.75f + (0.25f * 16 / 15) * reshape(variance, {3})), 1e-5);
  layer.eval();
  const auto spread = [](const Tensor& v) { return reshape(v, {1, 3, 1, 1}); };
  EXPECT_LT(
      relative_difference(layer.forward(x), (x - spread(layer.running_mean)) / sqrt(spread(layer.running_var) + 0.5f)),
      1e-5);
}

TEST(ChannelShuffle, DealsTheChannelsOut) {
  for (const dim_t channels : {6, 48}) {
    const Tensor x = random_tensor({2, channels, 3, 3}, 1);
    const Tensor y = channel_shuffle(channels == 48 ? x.blocked() : x, 3);
    EXPECT_EQ(y.layout(), channels == 48 ? Layout::kBlocked : Layout::kStrided);
    for (dim_t c = 0; c < channels; ++c) {
      const dim_t to = c % (channels / 3) * 3 + c / (channels / 3);
      EXPECT_EQ(slice(y, 1, to, to + 1).to_vector(), slice(x, 1, c, c + 1).to_vector()) << c;
    }
  }
  EXPECT_ERROR(channel_shuffle(random_tensor({1, 5, 2, 2}, 1), 3), UsageError, "divide the channels");
}

}  // namespace
}  // namespace engram
