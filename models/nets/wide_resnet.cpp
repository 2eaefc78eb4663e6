#include "models/nets/wide_resnet.h"

namespace engram {
namespace {

Init he_fan_out(const Conv2dConfig& conv) {
  return Init::he_normal(Conv2d::fan_out(conv));
}

Conv2dConfig conv3x3(dim_t in, dim_t out, dim_t stride) {
  return {.in_channels = in, .out_channels = out, .stride = stride};
}

std::vector<TapSpec> tap_specs(dim_t widen, const ImageShape& image) {
  std::vector<TapSpec> taps;
  for (const dim_t shrink : {1, 2, 4})
    taps.push_back({16 * widen * shrink, strided_extent(image.height, shrink), strided_extent(image.width, shrink)});
  return taps;
}

}  // namespace

WideBlock::WideBlock(dim_t in, dim_t out, dim_t stride, Device device)
    : bn1_(in, device),
      conv1_(conv3x3(in, out, stride), he_fan_out(conv3x3(in, out, stride)), {}, device),
      bn2_(out, device),
      conv2_(conv3x3(out, out, 1), he_fan_out(conv3x3(out, out, 1)), {}, device) {
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

WideResNet::WideResNet(NetworkSpec spec, int depth, int widen, Device device)
    : Network(spec, tap_specs(widen, spec.image), device),
      conv1_(conv3x3(spec.image.channels, 16, 1), he_fan_out(conv3x3(spec.image.channels, 16, 1)), {}, device),
      bn1_(64 * widen, device),
      fc_(64 * widen, num_classes(), Init::torch_default(64 * widen), Init::constant(0), device) {
  register_child("conv1", conv1_);
  dim_t in = 16;
  for (int g = 0; g < 3; ++g) {
    auto& group = groups_.emplace_back();
    const dim_t out = taps()[g].channels;
    for (int b = 0; b < (depth - 4) / 6; ++b) {
      group.push_back(std::make_unique<WideBlock>(in, out, g > 0 && b == 0 ? 2 : 1, device));
      register_child(message("block", g + 1, ".layer.", b), *group.back());
      in = out;
    }
  }
  register_child("bn1", bn1_);
  register_child("fc", fc_);
}

Tensor WideResNet::body(Executor& executor, const Tensor& x, std::vector<Tensor>* taps, bool) {
  Tensor h = executor.conv(conv1_, x);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (const auto& block : groups_[g]) h = block->forward(executor, h);
    if (taps && g + 1 < groups_.size()) taps->push_back(h);
  }
  h = executor.bn(bn1_, h, Activation::kRelu);
  if (taps) taps->push_back(h);
  return h;
}

Tensor WideResNet::head(const Tensor& features, bool) {
  return fc_.forward(global_avg_pool(features));
}

}  // namespace engram
