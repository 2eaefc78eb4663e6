#include "models/nets/wide_resnet.h"

#include "models/nets/conv_config.h"
#include "models/nets/network_registry.h"
#include "models/nets/pruned_channels.h"

namespace engram {
namespace {

std::vector<TapSpec> tap_specs(dim_t widen, const ImageShape& image) {
  std::vector<TapSpec> taps;
  for (const dim_t shrink : {1, 2, 4})
    taps.push_back({16 * widen * shrink, strided_extent(image.height, shrink), strided_extent(image.width, shrink)});
  return taps;
}

}  // namespace

WideBlock::WideBlock(dim_t in, dim_t inner, dim_t out, dim_t stride, Device device)
    : bn1_(in, device),
      conv1_(conv3x3(in, inner, stride), he_fan_out(conv3x3(in, inner, stride)), {}, device),
      bn2_(inner, device),
      conv2_(conv3x3(inner, out, 1), he_fan_out(conv3x3(inner, out, 1)), {}, device) {
  register_child("bn1", bn1_);
  register_child("conv1", conv1_);
  register_child("bn2", bn2_);
  register_child("conv2", conv2_);
  if (in != out) {
    const Conv2dConfig conv{.in_channels = in, .out_channels = out, .kernel = 1, .stride = stride, .padding = 0};
    shortcut_ = std::make_unique<Conv2d>(conv, he_fan_out(conv), Init{}, device);
    register_child("convShortcut", *shortcut_);
  }
}

Tensor WideBlock::forward(Executor& executor, const Tensor& x) const {
  const Tensor activated = executor.bn(bn1_, x, Activation::kRelu);
  const Tensor inner = executor.conv_bn(conv1_, bn2_, activated, Activation::kRelu);
  return executor.conv(conv2_, inner, shortcut_ ? executor.conv(*shortcut_, activated) : x);
}

WideResNet::WideResNet(NetworkSpec spec, int widen, const std::vector<dim_t>& inner, Device device)
    : Network(spec, tap_specs(widen, spec.image), device),
      conv1_(conv3x3(spec.image.channels, 16, 1), he_fan_out(conv3x3(spec.image.channels, 16, 1)), {}, device),
      bn1_(64 * widen, device),
      fc_(64 * widen, num_classes(), Init::torch_default(64 * widen), Init::constant(0), device) {
  register_child("conv1", conv1_);
  dim_t in = 16;
  for (int g = 0; g < 3; ++g) {
    auto& group = groups_.emplace_back();
    const dim_t out = taps()[g].channels;
    const std::size_t blocks = inner.size() / 3;
    for (std::size_t b = 0; b < blocks; ++b) {
      const dim_t between = inner[std::size_t(g) * blocks + b];
      group.push_back(std::make_unique<WideBlock>(in, between, out, g > 0 && b == 0 ? 2 : 1, device));
      register_child(message("block", g + 1, ".layer.", b), *group.back());
      in = out;
    }
  }
  register_child("bn1", bn1_);
  register_child("fc", fc_);
}

Tensor WideResNet::stage(Executor& executor, int s, const Tensor& x, PreActivation* before) {
  Tensor h = s == 0 ? executor.conv(conv1_, x) : x;
  for (const auto& block : groups_[std::size_t(s)]) h = block->forward(executor, h);
  if (before && std::size_t(s) + 1 < groups_.size()) {
    const BatchNorm2d& next = groups_[std::size_t(s) + 1].front()->entry();
    *before = {executor.bn(next, h, Activation::kNone), &next};
  }
  return h;
}

Tensor WideResNet::close(Executor& executor, const Tensor& x, PreActivation* before) {
  if (!before) return executor.bn(bn1_, x, Activation::kRelu);
  *before = {executor.bn(bn1_, x, Activation::kNone), &bn1_};
  return relu(before->value);
}

Tensor WideResNet::classify(const Tensor& pooled, bool) {
  return fc_.forward(pooled);
}

namespace {

struct WideResNetSettings {
  int depth = 0;
  int widen = 0;
  std::vector<dim_t> channels;
};

Settings wide_resnet_settings(WideResNetSettings& s) {
  return {{"depth", &s.depth, "convolutions in a row, 6n + 4"},
          {"widen", &s.widen, "factor of the widths 16, 32, 64"},
          {"channels", &s.channels, "of each block's first convolution, fewer after pruning; empty: the group's"}};
}

/// Channels of each block's first convolution in the unpruned network.
std::vector<dim_t> full_channels(const WideResNetSettings& s) {
  std::vector<dim_t> channels;
  for (const dim_t width : {16, 32, 64})
    channels.insert(channels.end(), std::size_t((s.depth - 4) / 6), width * s.widen);
  return channels;
}

}  // namespace

void add_wide_resnets(NetworkRegistry& registry) {
  registry.add<WideResNetSettings>(
      "wrn", "wide residual network, pre-activation; for example wrn-16-2", {}, wide_resnet_settings,
      [](const WideResNetSettings& s, const NetworkSpec& spec, const Device& device) {
        if (s.depth < 10 || s.depth > 1024 || (s.depth - 4) % 6 != 0)
          throw UsageError(
              message("[", spec.arch, "] expected a depth of 10, 16, 22, ... (6n + 4), at most 1024, got ", s.depth));
        if (s.widen < 1 || s.widen > 1024)
          throw UsageError(message("[", spec.arch, "] expected a factor from 1 to 1024, got ", s.widen));
        return std::make_unique<WideResNet>(spec, s.widen, checked_channels(s.channels, full_channels(s), spec),
                                            device);
      },
      {"-{depth}-{widen}"});
}

}  // namespace engram
