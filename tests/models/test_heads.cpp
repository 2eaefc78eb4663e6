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

/// Branches of one kind, all of which the test owns but those that the network does.
struct Branches {
  std::unique_ptr<Network> first = std::move(networks(1).front());
  BranchedNetwork net;

  Branches(int count, std::vector<int> splits) : net(*first, others(count), std::move(splits)) {}

  static std::vector<std::unique_ptr<Network>> others(int count) {
    std::vector<std::unique_ptr<Network>> all = networks(count);
    all.erase(all.begin());
    return all;
  }
};

TEST(BranchedNetwork, BranchesShareTheTrunk) {
  Branches branches(3, {2});
  branches.net.train(false);
  const Tensor x = random_tensor({2, 3, 8, 8}, 1);
  const BranchedNetwork::Output out = branches.net.forward(x);
  ASSERT_EQ(out.logits.size(), 3u);
  EXPECT_EQ(out.trunk.shape(), (Shape{2, 32, 4, 4}));
  EXPECT_LT(relative_difference(out.logits[0], branches.first->forward(x)), 1e-6) << "deployable";
  EXPECT_GT(relative_difference(out.logits[1], out.logits[0]), 1e-3);
}

/// Branches 0 and 1 share two stages, as do 2 and 3; all share the first.
TEST(BranchedNetwork, ATreeSplitsInTwosOnTheWay) {
  Branches branches(4, {1, 2});
  BranchedNetwork& net = branches.net;
  net.train(false);
  const Tensor x = random_tensor({2, 3, 8, 8}, 1);
  const BranchedNetwork::Output out = net.forward(x);
  EXPECT_EQ(out.trunk.shape(), (Shape{2, 16, 8, 8}));
  for (int b = 0; b < 4; ++b) {
    const Tensor parted = net.branch(b < 2 ? 0 : 2).forward_stages(out.trunk, 1, 2);
    EXPECT_EQ(out.logits[std::size_t(b)].to_vector(), net.branch(b).forward_from(parted, 2, {}).logits.to_vector())
        << b;
  }
  const auto owns = [&](const std::string& name) {
    for (const NamedTensor& parameter : net.named_parameters())
      if (parameter.name == name) return true;
    return false;
  };
  EXPECT_TRUE(owns("0.conv1.weight"));
  EXPECT_FALSE(owns("2.layer1.0.conv1.weight"));
  EXPECT_TRUE(owns("2.layer2.0.conv1.weight"));
  EXPECT_FALSE(owns("1.layer2.0.conv1.weight"));
  EXPECT_FALSE(owns("3.layer2.0.conv1.weight"));
  EXPECT_TRUE(owns("3.layer3.0.conv1.weight"));
}

TEST(BranchedNetwork, DividedGradientsAreMeansAtEachSplit) {
  Branches branches(4, {1, 2});
  branches.net.train(false);
  const Tensor x = random_tensor({2, 3, 8, 8}, 1);
  const auto gradients = [&](bool divided, const std::string& name) {
    const BranchedNetwork::Output out = branches.net.forward(x, divided);
    const Tensor loss = sum(square(out.logits[0])) + sum(square(out.logits[1])) + sum(square(out.logits[2])) +
                        sum(square(out.logits[3]));
    for (const NamedTensor& parameter : branches.net.named_parameters())
      if (parameter.name == name) return grad({loss}, {parameter.tensor})[0];
    return Tensor();
  };
  const auto expect_share = [&](const std::string& name, float share) {
    EXPECT_LT(relative_difference(gradients(true, name), share * gradients(false, name)), 1e-5) << name;
  };
  expect_share("3.layer3.0.conv1.weight", 1);
  expect_share("2.layer2.0.conv1.weight", 0.5f);
  expect_share("0.layer1.0.conv1.weight", 0.25f);
}

TEST(BranchedNetwork, ParametersAreThoseThatPlayAPart) {
  Branches branches(2, {2});
  BranchedNetwork& net = branches.net;
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
  backward(sum(square(out.logits[0])) + sum(square(out.logits[1])));
  for (const NamedTensor& parameter : net.named_parameters())
    EXPECT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
}

TEST(BranchedNetwork, RefusesWhatDoesNotFit) {
  EXPECT_ERROR(Branches(1, {1}), UsageError, "at least 2 branches, got 1");
  EXPECT_ERROR(Branches(2, {3}), UsageError, "expected 1 to 2 shared of the 3 stages of resnet8, got 3");
  EXPECT_ERROR(Branches(4, {2, 2}), UsageError, "expected 3 to 2 shared");
  EXPECT_ERROR(Branches(3, {1, 2}), UsageError, "as many children of each of 2 splits, got 3 branches");
  const auto first = make_network("resnet14", 5, {.image = {3, 8, 8}});
  EXPECT_ERROR(BranchedNetwork(*first, networks(1), {1}), UsageError, "of one kind, got resnet14 and resnet8");
}

}  // namespace
}  // namespace engram
