/// Convolution passes against the double-precision reference, over shapes, layouts, epilogues and algorithms.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/backend.h"

namespace engram::kernels {
namespace {

std::vector<float> random_values(dim_t count, unsigned seed) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = uniform(rng);
  return values;
}

/// Planar to [N, C/block, H, W, block] and back.
std::vector<float> to_layout(const std::vector<float>& planar, dim_t n, dim_t c, dim_t pixels, dim_t block, bool inverse = false) {
  std::vector<float> out(planar.size());
  for (dim_t i = 0; i < n; ++i)
    for (dim_t j = 0; j < c; ++j)
      for (dim_t p = 0; p < pixels; ++p) {
        const dim_t flat = (i * c + j) * pixels + p, blocked = ((i * (c / block) + j / block) * pixels + p) * block + j % block;
        if (inverse)
          out[flat] = planar[blocked];
        else
          out[blocked] = planar[flat];
      }
  return out;
}

std::vector<double> widen(const std::vector<float>& v) { return {v.begin(), v.end()}; }

double relative_l2(const std::vector<float>& got, const std::vector<double>& expected) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    error += (got[i] - expected[i]) * (got[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return std::sqrt(error / norm);
}

struct Problem {
  Conv2dShape shape;
  std::vector<float> x, w, gy, bias;

  explicit Problem(const Conv2dShape& s)
      : shape(s),
        x(random_values(s.n * s.ic * s.ih * s.iw, 1)),
        w(random_values(s.oc * (s.ic / s.groups) * s.kh * s.kw, 2)),
        gy(random_values(s.n * s.oc * s.oh() * s.ow(), 3)),
        bias(random_values(s.oc, 4)) {}
  std::vector<float> stored_x() const { return to_layout(x, shape.n, shape.ic, shape.ih * shape.iw, shape.x_block); }
  std::vector<float> stored_y(const std::vector<float>& y) const {
    return to_layout(y, shape.n, shape.oc, shape.oh() * shape.ow(), shape.y_block);
  }
  std::vector<float> planar_x(const std::vector<float>& v) const {
    return to_layout(v, shape.n, shape.ic, shape.ih * shape.iw, shape.x_block, true);
  }
  std::vector<float> planar_y(const std::vector<float>& v) const {
    return to_layout(v, shape.n, shape.oc, shape.oh() * shape.ow(), shape.y_block, true);
  }
};

std::vector<float> poisoned(std::size_t count) { return std::vector<float>(count, std::numeric_limits<float>::quiet_NaN()); }

void check_all_passes(const Conv2dShape& s, ConvPolicy policy, double tolerance) {
  SCOPED_TRACE(::testing::Message() << "n" << s.n << " ic" << s.ic << " " << s.ih << "x" << s.iw << " oc" << s.oc << " k" << s.kh << "x" << s.kw
                                    << " s" << s.stride_h << " g" << s.groups << " blocks " << s.x_block << "," << s.y_block);
  const Problem p(s);
  const auto& conv = cpu_backend().conv2d;
  const auto x = p.stored_x(), gy = p.stored_y(p.gy);
  auto y = poisoned(gy.size()), gx = poisoned(x.size()), gw = poisoned(p.w.size()), gbias = poisoned(p.bias.size());
  conv.fprop({}, {s, policy, x.data(), {p.w.data()}, p.bias.data(), nullptr, false, y.data()});
  conv.dgrad({}, {s, policy, gy.data(), {p.w.data()}, gx.data()});
  conv.wgrad({}, {s, policy, x.data(), gy.data(), gw.data(), gbias.data()});

  const auto wx = widen(p.x), ww = widen(p.w), wgy = widen(p.gy), wb = widen(p.bias);
  std::vector<double> ey(y.size()), egx(gx.size()), egw(gw.size()), egb(gbias.size());
  reference::conv2d_fprop(s, wx.data(), ww.data(), wb.data(), ey.data());
  reference::conv2d_dgrad(s, wgy.data(), ww.data(), egx.data());
  reference::conv2d_wgrad(s, wx.data(), wgy.data(), egw.data(), egb.data());
  EXPECT_LT(relative_l2(p.planar_y(y), ey), tolerance);
  EXPECT_LT(relative_l2(p.planar_x(gx), egx), tolerance);
  EXPECT_LT(relative_l2(gw, egw), tolerance);
  EXPECT_LT(relative_l2(gbias, egb), tolerance);
}

TEST(Conv2d, OddShapesInPlanarLayout) {
  for (dim_t stride : {1, 2})
    for (dim_t kernel : {1, 3})
      check_all_passes({.n = 3, .ic = 5, .ih = 7, .iw = 6, .oc = 4, .kh = kernel, .kw = kernel, .stride_h = stride, .stride_w = stride,
                        .pad_h = kernel / 2, .pad_w = kernel / 2},
                       ConvPolicy::kFast, 1e-6);
  check_all_passes({.n = 1, .ic = 1, .ih = 1, .iw = 1, .oc = 1, .kh = 1, .kw = 1}, ConvPolicy::kFast, 1e-6);
  check_all_passes({.n = 2, .ic = 2, .ih = 5, .iw = 9, .oc = 3, .kh = 3, .kw = 1, .stride_h = 2, .stride_w = 1, .pad_h = 0, .pad_w = 1},
                   ConvPolicy::kFast, 1e-6);
}

TEST(Conv2d, Groups) {
  check_all_passes({.n = 2, .ic = 6, .ih = 5, .iw = 5, .oc = 4, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1, .groups = 2}, ConvPolicy::kFast, 1e-6);
  check_all_passes({.n = 2, .ic = 32, .ih = 6, .iw = 6, .oc = 32, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1, .groups = 32, .x_block = 16, .y_block = 16},
                   ConvPolicy::kFast, 1e-6);
}

TEST(Conv2d, BlockedAndMixedLayouts) {
  check_all_passes({.n = 2, .ic = 16, .ih = 8, .iw = 8, .oc = 32, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1, .x_block = 16, .y_block = 16},
                   ConvPolicy::kFast, 1e-6);
  check_all_passes({.n = 2, .ic = 3, .ih = 8, .iw = 8, .oc = 32, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1, .x_block = 1, .y_block = 16},
                   ConvPolicy::kFast, 1e-6);
  check_all_passes({.n = 2, .ic = 64, .ih = 8, .iw = 8, .oc = 3, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1, .x_block = 16, .y_block = 1},
                   ConvPolicy::kFast, 1e-6);
  check_all_passes({.n = 2, .ic = 64, .ih = 9, .iw = 9, .oc = 32, .kh = 1, .kw = 1, .stride_h = 2, .stride_w = 2, .x_block = 16, .y_block = 16},
                   ConvPolicy::kFast, 1e-6);
}

TEST(Conv2d, WinogradErrorIsSmallAndDirectErrorSmaller) {
  const Conv2dShape s{.n = 2, .ic = 64, .ih = 8, .iw = 8, .oc = 64, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1, .x_block = 16, .y_block = 16};
  ASSERT_TRUE(uses_winograd(s));
  check_all_passes(s, ConvPolicy::kFast, 2e-6);
  check_all_passes(s, ConvPolicy::kExact, 5e-7);
  EXPECT_EQ(conv2d_plan_info(s, ConvPass::kFprop, ConvPolicy::kExact).find("wino"), std::string::npos);
}

TEST(Conv2d, EpilogueAddsResidualThenRectifies) {
  for (dim_t oc : {dim_t(32), dim_t(3)}) {
    const Conv2dShape s{.n = 2, .ic = 32, .ih = 4, .iw = 5, .oc = oc, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1, .x_block = 16,
                        .y_block = oc == 3 ? 1 : 16};
    const Problem p(s);
    const auto x = p.stored_x(), residual = p.stored_y(p.gy);
    const auto wx = widen(p.x), ww = widen(p.w), wb = widen(p.bias);
    std::vector<double> expected(p.gy.size());
    reference::conv2d_fprop(s, wx.data(), ww.data(), wb.data(), expected.data());
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = std::max(0.0, expected[i] + p.gy[i]);
    for (bool in_place : {false, true}) {
      auto y = in_place ? residual : poisoned(residual.size());
      cpu_backend().conv2d.fprop({}, {s, ConvPolicy::kFast, x.data(), {p.w.data()}, p.bias.data(), in_place ? y.data() : residual.data(), true, y.data()});
      EXPECT_LT(relative_l2(p.planar_y(y), expected), 2e-6) << oc << in_place;
    }
  }
}

TEST(Conv2d, PackedWeightsFollowTheVersion) {
  const Conv2dShape s{.n = 1, .ic = 32, .ih = 4, .iw = 4, .oc = 32, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1, .x_block = 16, .y_block = 16};
  Problem p(s);
  WeightPackCache cache;
  const auto x = p.stored_x();
  auto first = poisoned(x.size()), stale = first, fresh = first;
  const auto run = [&](std::uint64_t version, std::vector<float>& y) {
    cpu_backend().conv2d.fprop({}, {s, ConvPolicy::kFast, x.data(), {p.w.data(), version, &cache}, nullptr, nullptr, false, y.data()});
  };
  run(1, first);
  for (float& v : p.w) v *= 2;
  run(1, stale);
  run(2, fresh);
  EXPECT_EQ(stale, first);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_NEAR(fresh[i], 2 * first[i], 1e-4);
}

TEST(Conv2d, NoNetworkShapeRunsOnReferenceCode) {
  std::vector<Conv2dShape> shapes;
  const auto add = [&](dim_t ic, dim_t size, dim_t oc, dim_t kernel, dim_t stride) {
    for (dim_t n : {8, 32, 128, 256})
      shapes.push_back({.n = n, .ic = ic, .ih = size, .iw = size, .oc = oc, .kh = kernel, .kw = kernel, .stride_h = stride, .stride_w = stride,
                        .pad_h = kernel / 2, .pad_w = kernel / 2, .x_block = ic % 16 ? 1 : 16, .y_block = oc % 16 ? 1 : 16});
  };
  for (dim_t width : {16, 32, 64}) {
    add(3, 32, width, 3, 1);
    for (dim_t stage = 0; stage < 4; ++stage) {
      const dim_t c = width << stage, size = 32 >> stage;
      add(c, size, c, 3, 1);
      add(c, size, 2 * c, 3, 2);
      add(c, size, 2 * c, 1, 2);
      add(c, size, 2 * c, 3, 1);
    }
  }
  add(128, 16, 128, 3, 1);
  add(128, 32, 64, 3, 1);
  add(64, 32, 3, 3, 1);
  add(3, 32, 3, 1, 1);
  add(512, 4, 256, 1, 1);
  add(512, 2, 512, 3, 1);
  for (const Conv2dShape& s : shapes)
    for (ConvPass pass : {ConvPass::kFprop, ConvPass::kDgrad, ConvPass::kWgrad})
      EXPECT_NE(conv2d_plan_info(s, pass, ConvPolicy::kFast).rfind("ref", 0), 0u)
          << "ic " << s.ic << " size " << s.ih << " oc " << s.oc << " k " << s.kh << " stride " << s.stride_h << " pass " << int(pass);
}

}  // namespace
}  // namespace engram::kernels
