#include "models/nets/resnet.h"

namespace engram {
namespace {

Init conv_init(const Conv2dConfig& conv, const ResNetConfig& config) {
  return config.he_init ? Init::he_normal(Conv2d::fan_in(conv)) : Init::torch_default(Conv2d::fan_in(conv));
}

Conv2dConfig conv3x3(dim_t in, dim_t out, dim_t stride) {
  return {.in_channels = in, .out_channels = out, .stride = stride};
}

std::vector<TapSpec> tap_specs(const ResNetConfig& config, const ImageShape& image) {
  std::vector<TapSpec> taps;
  dim_t height = image.height, width = image.width;
  for (dim_t channels : config.widths) {
    if (!taps.empty()) {
      height = strided_extent(height, 2);
      width = strided_extent(width, 2);
    }
    taps.push_back({channels, height, width});
  }
  return taps;
}

}  // namespace

BasicBlock::BasicBlock(dim_t in, dim_t out, dim_t stride, const ResNetConfig& config, Device device)
    : conv1_(conv3x3(in, out, stride), conv_init(conv3x3(in, out, stride), config), {}, device),
      bn1_(out, device),
      conv2_(conv3x3(out, out, 1), conv_init(conv3x3(out, out, 1), config), {}, device),
      bn2_(out, device) {
  register_child("conv1", conv1_);
  register_child("bn1", bn1_);
  register_child("conv2", conv2_);
  register_child("bn2", bn2_);
  if (config.projection && (stride != 1 || in != out)) {
    const Conv2dConfig conv{.in_channels = in, .out_channels = out, .kernel = 1, .stride = stride, .padding = 0};
    shortcut_conv_ = std::make_unique<Conv2d>(conv, conv_init(conv, config), Init{}, device);
    shortcut_bn_ = std::make_unique<BatchNorm2d>(out, device);
    register_child("shortcut.0", *shortcut_conv_);
    register_child("shortcut.1", *shortcut_bn_);
  }
}

Tensor BasicBlock::shortcut(Executor& executor, const Tensor& x) const {
  if (shortcut_conv_) return executor.conv_bn(*shortcut_conv_, *shortcut_bn_, x, Activation::kNone);
  const dim_t stride = conv1_.config().stride, in = x.dim(1), out = conv1_.config().out_channels;
  if (stride == 1 && in == out) return x;
  const Tensor sampled = slice(slice(x, 2, 0, x.dim(2), stride), 3, 0, x.dim(3), stride);
  Shape shape = sampled.shape();
  shape[1] = out;
  const dim_t first = (out - in) / 2;
  const Tensor padded = unslice(sampled, shape, 1, first, first + in);
  return x.layout() == Layout::kBlocked ? padded.blocked() : padded;
}

Tensor BasicBlock::forward(Executor& executor, const Tensor& x) const {
  const Tensor inner = executor.conv_bn(conv1_, bn1_, x, Activation::kRelu);
  return executor.conv_bn(conv2_, bn2_, inner, Activation::kRelu, shortcut(executor, x));
}

ResNet::ResNet(NetworkSpec spec, const ResNetConfig& config, Device device)
    : Network(spec, tap_specs(config, spec.image), device),
      conv1_(conv3x3(spec.image.channels, config.stem, 1),
             conv_init(conv3x3(spec.image.channels, config.stem, 1), config), {}, device),
      bn1_(config.stem, device),
      linear_(config.widths.back(), spec.num_classes,
              config.he_init ? Init::he_normal(config.widths.back()) : Init::torch_default(config.widths.back()),
              Init::torch_default(config.widths.back()), device) {
  register_child("conv1", conv1_);
  register_child("bn1", bn1_);
  dim_t in = config.stem;
  for (std::size_t s = 0; s < config.widths.size(); ++s) {
    auto& stage = stages_.emplace_back();
    for (int b = 0; b < config.blocks[s]; ++b) {
      const dim_t stride = s > 0 && b == 0 ? 2 : 1;
      stage.push_back(std::make_unique<BasicBlock>(in, config.widths[s], stride, config, device));
      register_child(message("layer", s + 1, ".", b), *stage.back());
      in = config.widths[s];
    }
  }
  register_child("linear", linear_);
}

Tensor ResNet::body(Executor& executor, const Tensor& x, std::vector<Tensor>* taps, bool) {
  Tensor h = executor.conv_bn(conv1_, bn1_, x, Activation::kRelu);
  for (const auto& stage : stages_) {
    for (const auto& block : stage) h = block->forward(executor, h);
    if (taps) taps->push_back(h);
  }
  return h;
}

Tensor ResNet::head(const Tensor& features, bool) {
  return linear_.forward(global_avg_pool(features));
}

}  // namespace engram
