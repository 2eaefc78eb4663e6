// Channels split in two, and branches of one trunk.
#include <gtest/gtest.h>

#include "engine/autograd.h"
#include "models/nets/heads.h"
#include "models/nets/make_network.h"
#include "tests/support/expect_error.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/tensor_testing.h"

namespace engram {
namespace {

using testing::random_tensor;
using testing::random_values;
using testing::relative_difference;

TEST(ChannelSplit, PartsAreTheChannelsInOrder) {
  Generator generator(3);
  for (const ChannelSplit& split : {ChannelSplit::natural(48, 0.25), ChannelSplit::random(48, 0.25, generator)}) {
    EXPECT_EQ(split.first().size(), 12u);
    EXPECT_EQ(split.second().size(), 36u);
    Tensor x = random_tensor({2, 48, 3, 3}, 1).blocked();
    x.set_requires_grad();
    const ChannelSplit::Parts parts = split(x);
    for (std::size_t i = 0; i < split.second().size(); ++i)
      EXPECT_EQ(slice(parts.second, 1, dim_t(i), dim_t(i) + 1).to_vector(),
                slice(x, 1, split.second()[i], split.second()[i] + 1).to_vector());
    backward(sum(square(parts.first)) + 2.f * sum(square(parts.second)));
    for (const std::int32_t c : split.first())
      EXPECT_LT(relative_difference(slice(x.grad(), 1, c, c + 1), 2.f * slice(x, 1, c, c + 1)), 1e-6);
    for (const std::int32_t c : split.second())
      EXPECT_LT(relative_difference(slice(x.grad(), 1, c, c + 1), 4.f * slice(x, 1, c, c + 1)), 1e-6);
  }
  EXPECT_NE(ChannelSplit::random(48, 0.5, generator).first(), ChannelSplit::natural(48, 0.5).first());
}

TEST(ChannelSplit, WhatIsNoSplitIsRefused) {
  EXPECT_ERROR(ChannelSplit::natural(4, 0), UsageError, "on both sides of 4, got 0");
  EXPECT_ERROR(ChannelSplit::natural(4, 1), UsageError, "on both sides");
  EXPECT_ERROR(ChannelSplit({0, 1}, {1, 2}), DataError, "each of 0 to C-1 once");
  EXPECT_ERROR(ChannelSplit({0, 1}, {}), DataError, "each of 0 to C-1 once");
  EXPECT_ERROR(ChannelSplit::natural(4, 0.5)(random_tensor({1, 5, 2, 2}, 1)), ShapeError, "expected 4 channels");
}

std::vector<std::unique_ptr<Network>> networks(int count) {
  std::vector<std::unique_ptr<Network>> all;
  for (int i = 0; i < count; ++i)
    all.push_back(make_network("resnet8", 5, {.seed = std::uint64_t(i + 1), .image = {3, 8, 8}}));
  return all;
}

TEST(BranchedNetwork, BranchesShareTheTrunk) {
  BranchedNetwork net(networks(3), 2);
  net.train(false);
  const Tensor x = random_tensor({2, 3, 8, 8}, 1);
  const BranchedNetwork::Output out = net.forward(x, {.taps = true});
  ASSERT_EQ(out.branches.size(), 3u);
  EXPECT_EQ(out.trunk.shape(), (Shape{2, 32, 4, 4}));
  EXPECT_LT(relative_difference(out.branches[0].logits, net.branch(0).forward(x)), 1e-6) << "deployable";
  EXPECT_GT(relative_difference(out.branches[1].logits, out.branches[0].logits), 1e-3);
  EXPECT_EQ(out.branches[1].taps.size(), 1u);
}

TEST(BranchedNetwork, ParametersAreThoseThatPlayAPart) {
  BranchedNetwork net(networks(2), 2);
  const std::size_t all = net.branch(0).named_parameters().size();
  std::size_t of_second = 0;
  for (const NamedTensor& parameter : net.named_parameters()) {
    if (!parameter.name.starts_with("1.")) continue;
    ++of_second;
    EXPECT_TRUE(parameter.name.starts_with("1.layer3") || parameter.name.starts_with("1.linear")) << parameter.name;
  }
  EXPECT_EQ(net.named_parameters().size(), all + of_second);
  // Two convolutions, two normalisations, the shortcut's convolution and normalisation, the head.
  EXPECT_EQ(of_second, 2u + 4u + 3u + 2u);
  EXPECT_TRUE(net.branch(1).is_training());

  const BranchedNetwork::Output out = net.forward(random_tensor({4, 3, 8, 8}, 1));
  backward(sum(square(out.branches[0].logits)) + sum(square(out.branches[1].logits)));
  for (const NamedTensor& parameter : net.named_parameters())
    EXPECT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
}

TEST(BranchedNetwork, RefusesWhatDoesNotFit) {
  EXPECT_ERROR(BranchedNetwork({}, 1), UsageError, "at least one network");
  EXPECT_ERROR(BranchedNetwork(networks(2), 4), UsageError, "expected 1 to 3 shared stages, got 4");
  std::vector<std::unique_ptr<Network>> mixed = networks(1);
  mixed.push_back(make_network("resnet14", 5, {.image = {3, 8, 8}}));
  EXPECT_ERROR(BranchedNetwork(std::move(mixed), 1), UsageError, "of one kind, got resnet8 and resnet14");
}

}  // namespace
}  // namespace engram
