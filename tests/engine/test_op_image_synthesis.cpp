/// channel_scale, roll_flip, image_prior: values, gradients of order 1 and 2, rejected arguments.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "kernels/channel_scale/channel_scale.h"
#include "kernels/image_prior/image_prior.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

namespace reference = kernels::reference;

const kernels::Jitter kJitters[] = {{0, 0, 0}, {2, -1, 0}, {-1, 2, 1}};

Tensor tensor_of(const kernels::Jitter& jitter) {
  return make_jitter(jitter.dy, jitter.dx, jitter.flip != 0, test_device());
}

TEST(ImageSynthesisOps, RollFlip) {
  for (const Shape& shape : {Shape{2, 3, 5, 4}, Shape{1, 16, 3, 17}})
    for (const auto& jitter : kJitters)
      check_op({.name = "roll_flip",
                .inputs = {shape},
                .op = [&](const auto& x) { return square(roll_flip(x[0], jitter.dy, jitter.dx, jitter.flip != 0)); },
                .reference =
                    [&](const auto& x) {
                      Array y = x[0];
                      reference::roll_flip(x[0].values.data(), y.values.data(), shape[0] * shape[1], shape[2], shape[3],
                                           jitter, false);
                      return map(y, [](double v) { return v * v; });
                    }});
}

TEST(ImageSynthesisOps, RollFlipInverse) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {1, 1, 2, 3}), jitter = make_jitter(1, 1, true);
  EXPECT_EQ(roll_flip(roll_flip(x, jitter), jitter, true).to_vector(), x.to_vector());
}

TEST(ImageSynthesisOps, ChannelScale) {
  for (const Shape& shape : {Shape{2, 3, 5, 4}, Shape{1, 2, 4, 33}})
    for (const auto& jitter : kJitters)
      check_op({.name = "channel_scale",
                .inputs = {shape, {shape[0], shape[1], 1, 1}},
                .op = [&](const auto& x) { return channel_scale(x[0], x[1], tensor_of(jitter)); },
                .reference =
                    [&](const auto& x) {
                      Array y = x[0];
                      reference::channel_scale(x[0].values.data(), x[1].values.data(), y.values.data(),
                                               shape[0] * shape[1], shape[2], shape[3], jitter);
                      return y;
                    }});
}

TEST(ImageSynthesisOps, AJitterChangedBeforeTheBackwardIsNoticed) {
  Tensor p = Tensor::ones({1, 1, 2, 2}).set_requires_grad(), jitter = make_jitter(0, 1, false);
  const Tensor y = sum(channel_scale(p, Tensor::ones({1, 1}), jitter));
  jitter.data<std::int32_t>()[0] = 1;
  jitter.bump_version();
  EXPECT_THROW(grad({y}, {p}), UsageError);
}

TEST(ImageSynthesisOps, ImagePrior) {
  // The last extents have no differences in one or both directions.
  for (const Shape& shape :
       {Shape{2, 3, 5, 4}, Shape{1, 2, 4, 33}, Shape{2, 1, 1, 6}, Shape{2, 2, 6, 1}, Shape{1, 3, 1, 1}}) {
    const auto norms = [shape](const std::vector<Array>& x) {
      std::vector<double> out(5);
      reference::image_norms(x[0].values.data(), shape[0] * shape[1], shape[2], shape[3], out.data());
      return out;
    };
    const auto tv = [&](const std::vector<Array>& x) {
      const auto n = norms(x);
      return n[0] + n[1] + n[2] + n[3];
    };
    check_op({.name = "image_prior tv",
              .inputs = {shape},
              .op = [](const auto& x) { return image_prior(x[0]).tv; },
              .reference = [&](const auto& x) { return Array({}, tv(x)); }});
    check_op({.name = "image_prior l2",
              .inputs = {shape},
              .op = [](const auto& x) { return image_prior(x[0]).l2; },
              .reference = [&](const auto& x) { return Array({}, norms(x)[4]); }});
    check_op({.name = "image_prior both",
              .inputs = {shape},
              .op =
                  [](const auto& x) {
                    const ImagePrior prior = image_prior(x[0]);
                    return 0.5f * prior.tv + prior.l2;
                  },
              .reference = [&](const auto& x) { return Array({}, 0.5 * tv(x) + norms(x)[4]); }});
  }
}

TEST(ImageSynthesisOps, AConstantImageHasNoVariationAndNoGradient) {
  Tensor x = Tensor::full({1, 1, 4, 4}, 2).set_requires_grad();
  for (const bool create_graph : {false, true}) {
    const Tensor g = grad({image_prior(x).tv}, {x}, {.create_graph = create_graph})[0];
    EXPECT_EQ(g.to_vector(), std::vector<float>(16, 0.f));
  }
}

TEST(ImageSynthesisOps, RejectsWhatDoesNotFit) {
  const Tensor x = Tensor::zeros({2, 3, 4, 4}), jitter = make_jitter(0, 0, false);
  EXPECT_ERROR(channel_scale(x, Tensor::zeros({3, 2}), jitter), ShapeError, "alpha [2,3]");
  EXPECT_ERROR(channel_scale(x, Tensor::zeros({2, 3}), Tensor::zeros({3})), ShapeError, "make_jitter");
  EXPECT_ERROR(roll_flip(Tensor::zeros({3, 4, 4}), jitter), ShapeError, "[N,C,H,W]");
  EXPECT_ERROR(image_prior(Tensor::zeros({4, 4})), ShapeError, "[N,C,H,W]");
}

}  // namespace
}  // namespace engram::testing
