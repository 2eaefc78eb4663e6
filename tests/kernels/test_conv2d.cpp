/// Convolution and its adjoints against the double-precision reference, in every mix of layouts.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/backend.h"
#include "kernels/backend_info.h"
#include "kernels/common/error.h"
#include "kernels/common/instruction_set.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/conv2d_plan.h"
#include "tests/support/activation_testing.h"
#include "tests/support/expect_error.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using ::engram::testing::at_thread_counts;
using ::engram::testing::from_block;
using ::engram::testing::poisoned;
using ::engram::testing::random_values;
using ::engram::testing::to_block;
using testing::widen;

const Conv2dKernels& conv() {
  return cpu_backend().conv2d;
}

std::string label(const Conv2dShape& s) {
  return message("x ", s.n, "x", s.ic, "x", s.ih, "x", s.iw, " w ", s.oc, "x", s.kh, "x", s.kw, " stride ", s.stride_h,
                 "x", s.stride_w, " pad ", s.pad_h, "x", s.pad_w, " groups ", s.groups, " blocks ", s.x_block, ",",
                 s.y_block);
}

/// `s` in every mix of layouts that its channels allow.
std::vector<Conv2dShape> layouts(Conv2dShape s) {
  std::vector<Conv2dShape> all;
  for (dim_t x_block : {1, 16})
    for (dim_t y_block : {1, 16}) {
      if ((x_block > 1 && s.ic % x_block) || (y_block > 1 && s.oc % y_block)) continue;
      s.x_block = x_block;
      s.y_block = y_block;
      all.push_back(s);
    }
  return all;
}

/// Odd and typical shapes, direct and Winograd.
/// Under kExact only those that would run as Winograd otherwise: the rest is the same code.
std::vector<Conv2dShape> shapes(ConvPolicy policy) {
  const std::vector<Conv2dShape> plain = {
      {2, 3, 9, 7, 16, 3, 3, 1, 1, 1, 1},                                               // image end
      {2, 3, 8, 8, 5, 3, 3, 1, 1, 1, 1},       {3, 16, 8, 8, 3, 3, 3, 1, 1, 1, 1},      // 3 channels out
      {1, 5, 7, 11, 6, 3, 2, 2, 1, 0, 1},      {2, 1, 5, 5, 1, 5, 5, 1, 1, 2, 2},       // few channels
      {2, 16, 8, 8, 32, 3, 3, 2, 2, 1, 1},     {2, 32, 9, 7, 16, 3, 3, 2, 2, 1, 1},     // stride 2
      {2, 32, 8, 8, 48, 1, 1, 1, 1, 0, 0},     {2, 32, 8, 8, 16, 1, 1, 2, 2, 0, 0},     // 1x1
      {1, 32, 9, 9, 16, 1, 1, 2, 2, 0, 0},     {1, 16, 5, 5, 16, 1, 1, 1, 1, 1, 1},     //
      {2, 32, 8, 8, 32, 3, 3, 1, 1, 1, 1},     {1, 48, 7, 13, 32, 3, 3, 1, 1, 1, 1},    // Winograd
      {2, 64, 4, 4, 64, 3, 3, 1, 1, 1, 1},     {1, 32, 6, 6, 48, 3, 3, 1, 1, 0, 0},     //
      {1, 64, 2, 2, 64, 3, 3, 1, 1, 1, 1},     {1, 16, 6, 5, 32, 5, 5, 1, 1, 2, 2},     //
      {2, 12, 7, 7, 18, 3, 3, 1, 1, 1, 1, 3},  {1, 6, 5, 5, 6, 3, 3, 2, 2, 1, 1, 6},    // groups
      {2, 32, 6, 6, 32, 3, 3, 1, 1, 1, 1, 32}, {1, 64, 6, 6, 32, 3, 3, 1, 1, 1, 1, 2},  //
      {1, 17, 4, 4, 33, 2, 3, 1, 2, 1, 0},     {2, 16, 9, 6, 48, 3, 3, 1, 1, 1, 0},
      {1, 48, 11, 13, 16, 3, 3, 1, 1, 0, 1},                                           // Winograd without AVX-512
      {2, 32, 8, 8, 64, 3, 3, 2, 2, 1, 1},     {1, 48, 13, 10, 32, 3, 3, 2, 2, 1, 1},  // and with stride 2
      {1, 64, 18, 15, 32, 3, 3, 2, 2, 1, 1},   {2, 64, 8, 8, 144, 3, 3, 1, 1, 1, 1},   //
  };
  std::vector<Conv2dShape> all;
  for (const Conv2dShape& s : plain)
    for (const Conv2dShape& l : layouts(s))
      if (policy == ConvPolicy::kFast || winograd_pays(l)) all.push_back(l);
  return all;
}

/// Largest error allowed for sums of `terms` products of values in [-1, 1]; the bounds of conv2d.h.
double bound(const Conv2dShape& s, ConvPolicy policy, dim_t terms) {
  const bool winograd = policy == ConvPolicy::kFast && winograd_pays(s) && s.stride_h == 1;
  return (winograd ? 3e-5 : 1e-6) * std::sqrt(double(terms)) + 1e-6;
}

void expect_near(const std::vector<float>& got, const std::vector<double>& expected, double bound,
                 const std::string& what) {
  ASSERT_EQ(got.size(), expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_FALSE(std::isnan(got[i])) << what << " at " << i;
    worst = std::max(worst, std::abs(got[i] - expected[i]));
  }
  EXPECT_LE(worst, bound) << what;
}

/// Planar random operands of a shape, and their references.
struct ConvProblem {
  Conv2dShape s;
  std::vector<float> x, w, bias, gy;

  explicit ConvProblem(const Conv2dShape& shape)
      : s(shape),
        x(random_values(s.x().count(), 1)),
        w(random_values(s.weight_count(), 2)),
        bias(random_values(s.oc, 3)),
        gy(random_values(s.y().count(), 4)) {}

  std::vector<float> blocked_x() const { return to_block(s.x(), x); }
  std::vector<float> blocked_gy() const { return to_block(s.y(), gy); }
  dim_t fprop_terms() const { return s.ic / s.groups * s.kh * s.kw; }
  dim_t dgrad_terms() const { return s.oc / s.groups * s.kh * s.kw; }
  dim_t wgrad_terms() const { return s.n * s.y().pixels(); }
};

class Conv2dPolicies : public ::testing::TestWithParam<ConvPolicy> {};
INSTANTIATE_TEST_SUITE_P(FastAndExact, Conv2dPolicies, ::testing::Values(ConvPolicy::kFast, ConvPolicy::kExact),
                         [](const auto& info) { return info.param == ConvPolicy::kFast ? "Fast" : "Exact"; });

TEST_P(Conv2dPolicies, FpropMatchesReference) {
  for (const Conv2dShape& s : shapes(GetParam())) {
    const ConvProblem p(s);
    const auto x = p.blocked_x();
    for (bool with_bias : {false, true}) {
      auto y = poisoned(s.y().count());
      conv().fprop({}, {.shape = s,
                        .policy = GetParam(),
                        .x = x.data(),
                        .weight = {p.w.data()},
                        .bias = with_bias ? p.bias.data() : nullptr,
                        .y = y.data()});
      std::vector<double> expected(y.size());
      const auto bias = widen(p.bias);
      reference::conv2d_fprop(s, widen(p.x).data(), widen(p.w).data(), with_bias ? bias.data() : nullptr,
                              expected.data());
      expect_near(from_block(s.y(), y), expected, bound(s, GetParam(), p.fprop_terms()), "fprop " + label(s));
    }
  }
}

TEST_P(Conv2dPolicies, DgradMatchesReference) {
  for (const Conv2dShape& s : shapes(GetParam())) {
    const ConvProblem p(s);
    const auto gy = p.blocked_gy();
    auto gx = poisoned(s.x().count());
    conv().dgrad({}, {.shape = s, .policy = GetParam(), .gy = gy.data(), .weight = {p.w.data()}, .gx = gx.data()});
    std::vector<double> expected(gx.size());
    reference::conv2d_dgrad(s, widen(p.gy).data(), widen(p.w).data(), expected.data());
    expect_near(from_block(s.x(), gx), expected, bound(s, GetParam(), p.dgrad_terms()), "dgrad " + label(s));
  }
}

TEST_P(Conv2dPolicies, WgradMatchesReference) {
  for (const Conv2dShape& s : shapes(GetParam())) {
    const ConvProblem p(s);
    const auto x = p.blocked_x(), gy = p.blocked_gy();
    for (bool with_bias : {false, true}) {
      auto gw = poisoned(s.weight_count()), gbias = poisoned(s.oc);
      conv().wgrad({}, {.shape = s,
                        .policy = GetParam(),
                        .x = x.data(),
                        .gy = gy.data(),
                        .gw = gw.data(),
                        .gbias = with_bias ? gbias.data() : nullptr});
      std::vector<double> expected(gw.size()), expected_bias(gbias.size());
      reference::conv2d_wgrad(s, widen(p.x).data(), widen(p.gy).data(), expected.data(), expected_bias.data());
      const double limit = bound(s, GetParam(), p.wgrad_terms());
      expect_near(gw, expected, limit, "wgrad " + label(s));
      if (with_bias) expect_near(gbias, expected_bias, 1e-6 * double(1 + p.wgrad_terms()), "bias gradient " + label(s));
    }
  }
}

TEST_P(Conv2dPolicies, EpilogueAddsBiasAndResidualThenReLU) {
  for (const Conv2dShape& s : shapes(GetParam())) {
    const ConvProblem p(s);
    const auto x = p.blocked_x(), residual = p.blocked_gy();
    std::vector<double> expected(p.gy.size());
    reference::conv2d_fprop(s, widen(p.x).data(), widen(p.w).data(), widen(p.bias).data(), expected.data());
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += p.gy[i];
    for (bool relu : {false, true}) {
      const bool in_place = relu;
      if (relu)
        for (double& v : expected) v = std::max(v, 0.0);
      auto y = in_place ? residual : poisoned(s.y().count());
      conv().fprop({}, {.shape = s,
                        .policy = GetParam(),
                        .x = x.data(),
                        .weight = {p.w.data()},
                        .bias = p.bias.data(),
                        .residual = in_place ? y.data() : residual.data(),
                        .relu = relu,
                        .y = y.data()});
      expect_near(from_block(s.y(), y), expected, bound(s, GetParam(), p.fprop_terms()), "epilogue " + label(s));
    }
  }
}

TEST_P(Conv2dPolicies, CachedWeightsGiveTheReferenceInBothPasses) {
  for (const Conv2dShape& s : shapes(GetParam())) {
    const ConvProblem p(s);
    const auto cache = make_weight_pack_cache();
    const ConvWeight weight = {p.w.data(), 1, cache.get()};
    const auto x = p.blocked_x(), gy = p.blocked_gy();
    auto y = poisoned(s.y().count()), gx = poisoned(s.x().count()), y_again = y, gx_again = gx;
    conv().fprop({}, {.shape = s, .policy = GetParam(), .x = x.data(), .weight = weight, .y = y.data()});
    conv().dgrad({}, {.shape = s, .policy = GetParam(), .gy = gy.data(), .weight = weight, .gx = gx.data()});
    conv().fprop({}, {.shape = s, .policy = GetParam(), .x = x.data(), .weight = weight, .y = y_again.data()});
    conv().dgrad({}, {.shape = s, .policy = GetParam(), .gy = gy.data(), .weight = weight, .gx = gx_again.data()});
    EXPECT_EQ(y, y_again);
    EXPECT_EQ(gx, gx_again);
    std::vector<double> expected(y.size()), expected_gx(gx.size());
    reference::conv2d_fprop(s, widen(p.x).data(), widen(p.w).data(), nullptr, expected.data());
    reference::conv2d_dgrad(s, widen(p.gy).data(), widen(p.w).data(), expected_gx.data());
    expect_near(from_block(s.y(), y), expected, bound(s, GetParam(), p.fprop_terms()), "cached fprop " + label(s));
    expect_near(from_block(s.x(), gx), expected_gx, bound(s, GetParam(), p.dgrad_terms()), "cached dgrad " + label(s));
  }
}

/// oneDNN has direct kernels, with packed weights and sums that are alike at any thread count, for AVX2 and AVX-512;
/// elsewhere it multiplies matrices.
bool has_direct_kernels() {
  const std::string& isa = cpu_backend_info().library_isa;
  return isa.find("AVX-512") != std::string::npos || isa.find("AVX2") != std::string::npos;
}

TEST(Conv2d, WinogradIsUsedAndDiffersFromExactByLittle) {
  const Conv2dShape s = {2, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1, 1, 16, 16};
  ASSERT_TRUE(winograd_pays(s));
  const ConvProblem p(s);
  const auto x = p.blocked_x();
  auto fast = poisoned(s.y().count()), exact = fast;
  conv().fprop({}, {.shape = s, .x = x.data(), .weight = {p.w.data()}, .y = fast.data()});
  conv().fprop({},
               {.shape = s, .policy = ConvPolicy::kExact, .x = x.data(), .weight = {p.w.data()}, .y = exact.data()});
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < fast.size(); ++i) {
    difference += std::pow(double(fast[i]) - exact[i], 2);
    norm += std::pow(double(exact[i]), 2);
  }
  EXPECT_GT(difference, 0);
  EXPECT_LT(std::sqrt(difference / norm), 5e-6);
}

TEST(Conv2d, NewWeightVersionIsPackedAnewAndOldOneIsNot) {
  if (!has_direct_kernels()) GTEST_SKIP() << "oneDNN takes weights as they are on this processor";
  const Conv2dShape s = {1, 32, 6, 6, 32, 3, 3, 1, 1, 1, 1, 1, 16, 16};
  const auto x = random_values(s.x().count(), 1);
  auto w = random_values(s.weight_count(), 2);
  const auto cache = make_weight_pack_cache();
  const auto run = [&](WeightPackCache* c, std::uint64_t version) {
    auto y = poisoned(s.y().count());
    conv().fprop({}, {.shape = s, .x = x.data(), .weight = {w.data(), version, c}, .y = y.data()});
    return y;
  };
  const auto before = run(cache.get(), 7);
  const std::int64_t bytes = conv2d_packed_weight_bytes();
  EXPECT_GE(bytes, s.weight_count() * 4);
  for (float& v : w) v = -v;
  EXPECT_EQ(run(cache.get(), 7), before) << "an unchanged version must not be packed again";
  auto negated = before;
  for (float& v : negated) v = -v;
  EXPECT_EQ(run(cache.get(), 8), negated);
  EXPECT_EQ(conv2d_packed_weight_bytes(), bytes) << "a new version reuses the memory of the old one";
}

TEST(Conv2d, CacheTellsWeightsOfOneStorageApartAndIsFreed) {
  if (!has_direct_kernels()) GTEST_SKIP() << "oneDNN takes weights as they are on this processor";
  const Conv2dShape s = {1, 32, 6, 6, 32, 3, 3, 1, 1, 1, 1, 1, 16, 16};
  const std::int64_t before = conv2d_packed_weight_bytes();
  {
    const auto cache = make_weight_pack_cache();
    const auto x = random_values(s.x().count(), 1), w = random_values(2 * s.weight_count(), 2);
    std::vector<float> y[2];
    for (int i = 0; i < 2; ++i) {
      y[i] = poisoned(s.y().count());
      conv().fprop(
          {},
          {.shape = s, .x = x.data(), .weight = {w.data() + i * s.weight_count(), 1, cache.get()}, .y = y[i].data()});
    }
    EXPECT_NE(y[0], y[1]);
    EXPECT_GT(conv2d_packed_weight_bytes(), before);
  }
  EXPECT_EQ(conv2d_packed_weight_bytes(), before);
}

TEST(Conv2d, SameBitsWhenRepeatedAndAfterRelease) {
  const Conv2dShape s = {4, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1, 16, 16};
  const auto x = random_values(s.x().count(), 1), w = random_values(s.weight_count(), 2);
  const auto all = [&] {
    auto y = poisoned(s.y().count()), gx = poisoned(s.x().count()), gw = poisoned(s.weight_count());
    conv().fprop({}, {.shape = s, .x = x.data(), .weight = {w.data()}, .y = y.data()});
    conv().dgrad({}, {.shape = s, .gy = y.data(), .weight = {w.data()}, .gx = gx.data()});
    conv().wgrad({}, {.shape = s, .x = x.data(), .gy = y.data(), .gw = gw.data()});
    y.insert(y.end(), gx.begin(), gx.end());
    y.insert(y.end(), gw.begin(), gw.end());
    return y;
  };
  const auto first = all();
  EXPECT_EQ(all(), first);
  EXPECT_GT(conv2d_scratch_bytes(), 0);
  conv2d_release();
  EXPECT_EQ(conv2d_scratch_bytes(), 0);
  EXPECT_EQ(all(), first);
}

TEST(Conv2d, DirectFpropAndDgradDoNotDependOnThreads) {
  if (!has_direct_kernels()) GTEST_SKIP() << "oneDNN has no direct kernels for this processor";
  const Conv2dShape stride1 = {6, 32, 16, 16, 48, 3, 3, 1, 1, 1, 1, 1, 16, 16},
                    stride2 = {5, 32, 8, 8, 48, 3, 3, 2, 2, 1, 1, 1, 16, 16},
                    image = {5, 3, 8, 8, 16, 3, 3, 1, 1, 1, 1, 1, 1, 16},
                    pointwise = {3, 64, 8, 8, 32, 1, 1, 1, 1, 0, 0, 1, 16, 16};
  for (const Conv2dShape& s : {stride1, stride2, image, pointwise}) {
    const auto x = random_values(s.x().count(), 1), w = random_values(s.weight_count(), 2);
    const auto results = at_thread_counts([&] {
      auto y = poisoned(s.y().count()), gx = poisoned(s.x().count());
      conv().fprop({}, {.shape = s, .policy = ConvPolicy::kExact, .x = x.data(), .weight = {w.data()}, .y = y.data()});
      conv().dgrad({},
                   {.shape = s, .policy = ConvPolicy::kExact, .gy = y.data(), .weight = {w.data()}, .gx = gx.data()});
      y.insert(y.end(), gx.begin(), gx.end());
      return y;
    });
    EXPECT_EQ(results[0], results[1]) << label(s);
    EXPECT_EQ(results[0], results[2]) << label(s);
  }
}

/// Results of all passes, one after the other, from the same operands for equal shapes.
std::vector<float> all_passes(const Conv2dShape& s, ConvPolicy policy) {
  const ConvProblem p(s);
  const auto x = p.blocked_x(), gy = p.blocked_gy(), residual = random_values(s.y().count(), 5);
  auto y = poisoned(s.y().count()), gx = poisoned(s.x().count()), gw = poisoned(s.weight_count() + s.oc);
  conv().fprop({}, {.shape = s,
                    .policy = policy,
                    .x = x.data(),
                    .weight = {p.w.data()},
                    .bias = p.bias.data(),
                    .residual = residual.data(),
                    .relu = true,
                    .y = y.data()});
  conv().dgrad({}, {.shape = s, .policy = policy, .gy = gy.data(), .weight = {p.w.data()}, .gx = gx.data()});
  conv().wgrad({}, {.shape = s,
                    .policy = policy,
                    .x = x.data(),
                    .gy = gy.data(),
                    .gw = gw.data(),
                    .gbias = gw.data() + s.weight_count()});
  y.insert(y.end(), gx.begin(), gx.end());
  y.insert(y.end(), gw.begin(), gw.end());
  return y;
}

/// Large enough for several blocks of tiles a thread (the first two), and for weights that are transformed panel by
/// panel for several rounds of tiles; the last tiles and panels are not full. Those of stride 2 run as Winograd without
/// AVX-512.
std::vector<Conv2dShape> large_winograd_shapes() {
  const std::vector<Conv2dShape> all = {{9, 32, 30, 29, 48, 3, 3, 1, 1, 1, 1, 1, 16, 16},
                                        {9, 32, 62, 57, 80, 3, 3, 2, 2, 1, 1, 1, 16, 16},
                                        {23, 192, 15, 16, 176, 3, 3, 1, 1, 1, 1, 1, 16, 16},
                                        {23, 112, 31, 29, 144, 3, 3, 2, 2, 1, 1, 1, 16, 16}};
  std::vector<Conv2dShape> run;
  std::copy_if(all.begin(), all.end(), std::back_inserter(run), winograd_pays);
  return run;
}

TEST(Conv2d, WinogradDoesNotDependOnThreads) {
  for (const Conv2dShape& s : large_winograd_shapes()) {
    const auto results = at_thread_counts([&] { return all_passes(s, ConvPolicy::kFast); });
    EXPECT_EQ(results[0], results[1]) << label(s);
    EXPECT_EQ(results[0], results[2]) << label(s);
  }
}

TEST(Conv2d, WinogradDiffersFromExactByLittleOnEveryInstructionSet) {
  for (const Conv2dShape& s : large_winograd_shapes()) {
    const auto exact = all_passes(s, ConvPolicy::kExact);
    for (InstructionSet set : {InstructionSet::kBaseline, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
      limit_instruction_set(set);
      conv2d_release();
      const auto fast = all_passes(s, ConvPolicy::kFast);
      const dim_t ends[] = {0, s.y().count(), s.y().count() + s.x().count(), dim_t(fast.size())};
      for (int part = 0; part < 3; ++part) {
        double difference = 0, norm = 0;
        for (dim_t i = ends[part]; i < ends[part + 1]; ++i) {
          difference += std::pow(double(fast[i]) - exact[i], 2);
          norm += std::pow(double(exact[i]), 2);
        }
        EXPECT_LT(std::sqrt(difference / norm), s.stride_h == 1 ? 5e-6 : 2e-6)
            << label(s) << " pass " << part << " set " << int(set);
      }
    }
  }
  limit_instruction_set(InstructionSet::kAvx512);
  conv2d_release();
}

/// The convolutions of the networks that matter: ResNet-18/34 and half width, ResNet-20, WRN-16-2, VGG, the generator.
std::vector<Conv2dShape> network_shapes(dim_t n) {
  std::vector<Conv2dShape> all;
  const auto layer = [&](dim_t ic, dim_t oc, dim_t size, dim_t k, dim_t stride) {
    all.push_back({n, ic, size, size, oc, k, k, stride, stride, k / 2, k / 2, 1, ic % 16 ? 1 : 16, oc % 16 ? 1 : 16});
  };
  for (dim_t width : {64, 32}) {
    layer(3, width, 32, 3, 1);
    layer(width, width, 32, 3, 1);
    for (dim_t level = 0; level < 3; ++level) {
      const dim_t c = width << level, size = 32 >> level;
      layer(c, 2 * c, size, 3, 2);
      layer(c, 2 * c, size, 1, 2);
      layer(2 * c, 2 * c, size / 2, 3, 1);
    }
  }
  layer(3, 16, 32, 3, 1);  // ResNet-20 and WRN-16-2
  layer(16, 16, 32, 3, 1);
  layer(16, 32, 32, 3, 2);
  layer(16, 32, 32, 3, 1);
  layer(16, 32, 32, 1, 1);
  layer(16, 32, 32, 1, 2);
  layer(32, 32, 32, 3, 1);
  layer(32, 64, 32, 3, 2);
  layer(32, 64, 32, 1, 2);
  layer(64, 128, 16, 3, 2);
  layer(64, 128, 16, 3, 1);  // VGG
  layer(128, 256, 8, 3, 1);
  layer(256, 512, 4, 3, 1);
  layer(512, 512, 4, 3, 1);
  layer(512, 512, 2, 3, 1);
  layer(128, 128, 16, 3, 1);  // generator and feature decoder
  layer(128, 64, 32, 3, 1);
  layer(64, 3, 32, 3, 1);
  layer(512, 256, 8, 1, 1);
  layer(256, 128, 16, 1, 1);
  layer(128, 64, 32, 1, 1);
  return all;
}

TEST(Conv2d, NetworksNeverFallOnASlowImplementation) {
  for (dim_t n : {8, 32, 128, 256})
    for (const Conv2dShape& s : network_shapes(n))
      for (ConvPass pass : {ConvPass::kFprop, ConvPass::kDgrad, ConvPass::kWgrad})
        for (ConvPolicy policy : {ConvPolicy::kFast, ConvPolicy::kExact}) {
          const std::string info = conv2d_plan_info(s, pass, policy);
          EXPECT_EQ(info.rfind("ref", 0), std::string::npos) << label(s) << " pass " << int(pass) << ": " << info;
          EXPECT_EQ(info.rfind("gemm", 0), std::string::npos) << label(s) << " pass " << int(pass) << ": " << info;
          EXPECT_EQ(info.find("wino") != std::string::npos, policy == ConvPolicy::kFast && winograd_pays(s))
              << label(s) << " pass " << int(pass) << ": " << info;
        }
}

TEST(Conv2d, EmptyBatchGivesZeroWeightGradient) {
  const Conv2dShape s = {0, 16, 4, 4, 16, 3, 3, 1, 1, 1, 1};
  auto gw = poisoned(s.weight_count()), gbias = poisoned(16);
  conv().wgrad({}, {.shape = s, .x = nullptr, .gy = nullptr, .gw = gw.data(), .gbias = gbias.data()});
  EXPECT_EQ(gw, std::vector<float>(gw.size(), 0.f));
  EXPECT_EQ(gbias, std::vector<float>(16, 0.f));
  conv().fprop({}, {.shape = s, .x = nullptr, .weight = {gw.data()}, .y = nullptr});
}

TEST(Conv2d, RejectsWhatIsNoConvolution) {
  const Conv2dShape good = {1, 16, 4, 4, 16, 3, 3, 1, 1, 1, 1};
  Conv2dShape s = good;
  s.groups = 3;
  EXPECT_ERROR(check_conv2d_shape(s), UsageError, "groups that divide the channels");
  s = good;
  s.kh = 7;
  EXPECT_ERROR(check_conv2d_shape(s), UsageError, "a kernel no larger than the padded input");
  s = good;
  s.stride_w = 0;
  EXPECT_ERROR(check_conv2d_shape(s), UsageError, "strides of at least 1");
  s = good;
  s.x_block = 8;
  EXPECT_ERROR(check_conv2d_shape(s), UsageError, "blocks of 1, or 16");
}

TEST(Conv2d, CostsCountOperandsOnceAndNominalOperations) {
  const Conv2dShape s = {2, 16, 8, 8, 32, 3, 3, 2, 2, 1, 1};
  const std::int64_t x = 2 * 16 * 64 * 4, y = 2 * 32 * 16 * 4, w = 32 * 16 * 9 * 4, flops = 2 * (y / 4) * 16 * 9;
  const Cost f = conv2d_cost(s, ConvPass::kFprop), d = conv2d_cost(s, ConvPass::kDgrad),
             g = conv2d_cost(s, ConvPass::kWgrad);
  EXPECT_EQ(f.bytes_read, x + w);
  EXPECT_EQ(f.bytes_written, y);
  EXPECT_EQ(d.bytes_read, y + w);
  EXPECT_EQ(d.bytes_written, x);
  EXPECT_EQ(g.bytes_read, x + y);
  EXPECT_EQ(g.bytes_written, w);
  for (const Cost& c : {f, d, g}) EXPECT_EQ(c.flops, flops);
}

}  // namespace
}  // namespace engram::kernels
