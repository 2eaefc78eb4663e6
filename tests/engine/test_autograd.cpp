/// The tape: orders, frozen inputs, shared nodes, release, errors.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "engine/ops.h"

namespace engram {
namespace {

Tensor leaf(std::vector<float> values) {
  const dim_t count = dim_t(values.size());
  return Tensor::from(values, {count}).set_requires_grad();
}

TEST(Autograd, DerivativesOfACubeUpToOrderThree) {
  const Tensor x = leaf({2});
  const Tensor y = sum(x * x * x);
  const Tensor first = grad({y}, {x}, {.create_graph = true})[0];
  const Tensor second = grad({sum(first)}, {x}, {.create_graph = true})[0];
  const Tensor third = grad({sum(second)}, {x})[0];
  EXPECT_FLOAT_EQ(first.item(), 12);
  EXPECT_FLOAT_EQ(second.item(), 12);
  EXPECT_FLOAT_EQ(third.item(), 6);
}

TEST(Autograd, ContributionsOfSeveralConsumersAdd) {
  const Tensor x = leaf({3});
  const Tensor shared = x * x;
  backward(sum(shared + shared * shared + x));
  EXPECT_FLOAT_EQ(x.grad().item(), 2 * 3 + 4 * 27 + 1);
}

TEST(Autograd, BackwardAccumulatesOverCalls) {
  const Tensor x = leaf({3});
  backward(sum(x * 2.f));
  backward(sum(x * 5.f));
  EXPECT_FLOAT_EQ(x.grad().item(), 7);
}

TEST(Autograd, GradientOfAnIntermediateStopsThere) {
  const Tensor x = leaf({3});
  const Tensor y = exp(x);
  const Tensor z = sum(y * y);
  const auto gradients = grad({z}, {y});
  EXPECT_FLOAT_EQ(gradients[0].item(), 2 * std::exp(3.f));
}

TEST(Autograd, NothingIsRecordedWithoutNeed) {
  const Tensor x = leaf({3}), frozen = Tensor::ones({1});
  EXPECT_FALSE((frozen * frozen).requires_grad());
  EXPECT_FALSE((x.detach() * frozen).requires_grad());
  NoGradGuard no_grad;
  EXPECT_FALSE((x * x).requires_grad());
}

TEST(Autograd, OnlyTheAskedGradientsAreComputed) {
  const Tensor a = leaf({3}), b = leaf({4});
  const Tensor y = sum(a * b);
  EXPECT_FLOAT_EQ(grad({y}, {a})[0].item(), 4);
  EXPECT_FALSE(b.grad().defined());
}

TEST(Autograd, AReleasedGraphIsAnError) {
  const Tensor x = leaf({3});
  const Tensor y = sum(x * x);
  grad({y}, {x}, {.retain_graph = true});
  grad({y}, {x});
  EXPECT_THROW(grad({y}, {x}), UsageError);
}

TEST(Autograd, InputsWithoutPartAreAnErrorUnlessAllowed) {
  const Tensor x = leaf({3}), other = leaf({1});
  EXPECT_THROW(grad({sum(x * x)}, {other}), UsageError);
  EXPECT_FALSE(grad({sum(x * x)}, {other}, {.allow_unused = true})[0].defined());
  EXPECT_THROW(grad({sum(Tensor::ones({2}))}, {x}), UsageError);
}

TEST(Autograd, ASavedTensorChangedInPlaceIsAnError) {
  const Tensor x = leaf({3}), w = Tensor::ones({1});
  const Tensor y = sum(x * w);
  add_in_place(w, Tensor::ones({1}));
  EXPECT_THROW(grad({y}, {x}), UsageError);
}

TEST(Autograd, AnOutputThatIsAlsoAnInputHasGradientOne) {
  const Tensor x = leaf({3});
  const Tensor y = sum(x);
  EXPECT_FLOAT_EQ(grad({y}, {y})[0].item(), 1);
}

TEST(Autograd, DeepTapesDoNotOverflowTheStack) {
  Tensor x = leaf({1});
  Tensor y = x;
  for (int i = 0; i < 20000; ++i) y = y + 0.f;
  EXPECT_FLOAT_EQ(grad({sum(y)}, {x})[0].item(), 1);
}

}  // namespace
}  // namespace engram
