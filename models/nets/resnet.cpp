#include "models/nets/resnet.h"

#include "models/nets/conv_config.h"
#include "models/nets/network_registry.h"
#include "models/nets/pruned_channels.h"

namespace engram {
namespace {

Init conv_init(const Conv2dConfig& conv, const ResNetConfig& config) {
  return config.he_init ? Init::he_normal(Conv2d::fan_in(conv)) : Init::torch_default(Conv2d::fan_in(conv));
}

Conv2dConfig stem(const NetworkSpec& spec, const ResNetConfig& config) {
  Conv2dConfig conv = conv3x3(spec.image.channels, config.stem, 1);
  if (config.imagenet) {
    conv.kernel = 7;
    conv.stride = 2;
    conv.padding = 3;
  }
  return conv;
}

std::vector<TapSpec> tap_specs(const ResNetConfig& config, const ImageShape& image) {
  std::vector<TapSpec> taps;
  dim_t shrink = config.imagenet ? 4 : 1;
  for (dim_t channels : config.widths) {
    taps.push_back({channels, strided_extent(image.height, shrink), strided_extent(image.width, shrink)});
    shrink *= 2;
  }
  return taps;
}

Init head_init(const ResNetConfig& config) {
  const dim_t in = config.widths.back();
  return config.he_init ? Init::he_normal(in) : Init::torch_default(in);
}

}  // namespace

BasicBlock::BasicBlock(dim_t in, dim_t inner, dim_t out, dim_t stride, const ResNetConfig& config, Device device)
    : conv1_(conv3x3(in, inner, stride), conv_init(conv3x3(in, inner, stride), config), {}, device),
      bn1_(inner, device),
      conv2_(conv3x3(inner, out, 1), conv_init(conv3x3(inner, out, 1), config), {}, device),
      bn2_(out, device),
      averaged_(config.shortcut == ResNetConfig::Shortcut::kAveraged) {
  register_child("conv1", conv1_);
  register_child("bn1", bn1_);
  register_child("conv2", conv2_);
  register_child("bn2", bn2_);
  if (config.shortcut == ResNetConfig::Shortcut::kProjection && (stride != 1 || in != out)) {
    const Conv2dConfig conv{.in_channels = in, .out_channels = out, .kernel = 1, .stride = stride, .padding = 0};
    shortcut_conv_ = std::make_unique<Conv2d>(conv, conv_init(conv, config), Init{}, device);
    shortcut_bn_ = std::make_unique<BatchNorm2d>(out, device);
    const std::string name = config.imagenet ? "downsample" : "shortcut";
    register_child(name + ".0", *shortcut_conv_);
    register_child(name + ".1", *shortcut_bn_);
  }
}

Tensor BasicBlock::shortcut(Executor& executor, const Tensor& x) const {
  if (shortcut_conv_) return executor.conv_bn(*shortcut_conv_, *shortcut_bn_, x, Activation::kNone);
  const dim_t stride = conv1_.config().stride, in = x.dim(1), out = conv2_.config().out_channels;
  if (stride == 1 && in == out) return x;
  const Tensor sampled = averaged_ ? avg_pool2d(x, {.kernel = stride, .stride = stride})
                                   : slice(slice(x, 2, 0, x.dim(2), stride), 3, 0, x.dim(3), stride);
  Shape shape = sampled.shape();
  shape[1] = out;
  const dim_t first = averaged_ ? 0 : (out - in) / 2;
  const Tensor padded = unslice(sampled, shape, 1, first, first + in);
  return x.layout() == Layout::kBlocked ? padded.blocked() : padded;
}

Tensor BasicBlock::forward(Executor& executor, const Tensor& x, PreActivation* before) const {
  const Tensor inner = executor.conv_bn(conv1_, bn1_, x, Activation::kRelu);
  if (!before) return executor.conv_bn(conv2_, bn2_, inner, Activation::kRelu, shortcut(executor, x));
  *before = {executor.conv_bn(conv2_, bn2_, inner, Activation::kNone, shortcut(executor, x)), &bn2_};
  return relu(before->value);
}

ResNet::ResNet(NetworkSpec spec, const ResNetConfig& config, Device device)
    : Network(spec, tap_specs(config, spec.image), device),
      conv1_(stem(spec, config), conv_init(stem(spec, config), config), {}, device),
      bn1_(config.stem, device),
      imagenet_(config.imagenet),
      linear_(config.widths.back(), spec.num_classes, head_init(config), Init::torch_default(config.widths.back()),
              device) {
  register_child("conv1", conv1_);
  register_child("bn1", bn1_);
  dim_t in = config.stem;
  std::size_t index = 0;
  for (std::size_t s = 0; s < config.widths.size(); ++s) {
    auto& stage = stages_.emplace_back();
    for (int b = 0; b < config.blocks[s]; ++b) {
      const dim_t stride = s > 0 && b == 0 ? 2 : 1;
      const dim_t inner = config.inner.empty() ? config.widths[s] : config.inner[index++];
      stage.push_back(std::make_unique<BasicBlock>(in, inner, config.widths[s], stride, config, device));
      register_child(message("layer", s + 1, ".", b), *stage.back());
      in = config.widths[s];
    }
  }
  register_child(imagenet_ ? "fc" : "linear", linear_);
}

Tensor ResNet::stage(Executor& executor, int s, const Tensor& x, PreActivation* before) {
  Tensor h = x;
  if (s == 0) {
    h = executor.conv_bn(conv1_, bn1_, x, Activation::kRelu);
    if (imagenet_) h = max_pool2d(h, {.kernel = 3, .stride = 2, .padding = 1});
  }
  for (const auto& block : stages_[std::size_t(s)])
    h = block->forward(executor, h, block == stages_[std::size_t(s)].back() ? before : nullptr);
  return h;
}

Tensor ResNet::classify(const Tensor& pooled, bool) {
  return linear_.forward(pooled);
}

namespace {

/// The networks of four stages.
struct WideSettings {
  dim_t width = 64;
  std::string stem = "cifar";
  std::vector<dim_t> channels;
};

constexpr const char* kChannelsHelp = "of each block's first convolution, fewer after pruning; empty: the stage's";

/// Channels of each block's first convolution: of as many as there are, none above its stage's.
std::vector<dim_t> inner_channels(const std::vector<dim_t>& channels, const ResNetConfig& config,
                                  const NetworkSpec& spec) {
  std::vector<dim_t> most;
  for (std::size_t s = 0; s < config.widths.size(); ++s)
    most.insert(most.end(), std::size_t(config.blocks[s]), config.widths[s]);
  return checked_channels(channels, most, spec);
}

Settings wide_settings(WideSettings& s) {
  return {
      {"width", &s.width, "channels of the first stage, a multiple of 16"},
      {"stem", &s.stem, "cifar: 3x3; imagenet: 7x7 of stride 2, pooling, torchvision's names", {"cifar", "imagenet"}},
      {"channels", &s.channels, kChannelsHelp}};
}

/// He's networks of three stages.
struct HeSettings {
  std::string shortcut = "b";
  std::vector<dim_t> channels;
};

Settings he_settings(HeSettings& s) {
  return {{"shortcut",
           &s.shortcut,
           "where widths change: b, 1x1 convolution with BN; a, zeros; average, 2x2 means",
           {"b", "a", "average"}},
          {"channels", &s.channels, kChannelsHelp}};
}

}  // namespace

void add_resnets(NetworkRegistry& registry) {
  const auto wide = [&](const std::string& name, const std::vector<int>& blocks) {
    registry.add<WideSettings>(
        name, "residual network of four stages, each twice as wide", {}, wide_settings,
        [blocks](const WideSettings& s, const NetworkSpec& spec, const Device& device) {
          if (s.width < 16 || s.width > 1024 || s.width % 16 != 0)
            throw UsageError(
                message("[", spec.arch, "] expected a width that is a multiple of 16, at most 1024, got ", s.width));
          ResNetConfig config{.stem = s.width,
                              .widths = {s.width, 2 * s.width, 4 * s.width, 8 * s.width},
                              .blocks = blocks,
                              .imagenet = s.stem == "imagenet"};
          config.inner = inner_channels(s.channels, config, spec);
          return std::make_unique<ResNet>(spec, config, device);
        },
        {"-w{width}", "-{stem}", "-{stem}-w{width}"});
  };
  wide("resnet18", {2, 2, 2, 2});
  wide("resnet34", {3, 4, 6, 3});

  const auto he = [&](const std::string& name, int blocks, dim_t factor) {
    registry.add<HeSettings>(
        name, factor == 1 ? "residual network of three stages, 16 to 64 channels" : "the same with 64 to 256 channels",
        {}, he_settings,
        [blocks, factor](const HeSettings& s, const NetworkSpec& spec, const Device& device) {
          if (s.shortcut == "average" && (spec.image.height % 4 != 0 || spec.image.width % 4 != 0))
            throw UsageError(message("[", spec.arch, "] expected extents of images that two halvings leave whole, got ",
                                     to_string(spec.image)));
          using Shortcut = ResNetConfig::Shortcut;
          ResNetConfig config{.stem = factor == 1 ? 16 : 32,
                              .widths = {16 * factor, 32 * factor, 64 * factor},
                              .blocks = {blocks, blocks, blocks},
                              .shortcut = s.shortcut == "b"   ? Shortcut::kProjection
                                          : s.shortcut == "a" ? Shortcut::kSubsampled
                                                              : Shortcut::kAveraged,
                              .he_init = true};
          config.inner = inner_channels(s.channels, config, spec);
          return std::make_unique<ResNet>(spec, config, device);
        },
        {"-{shortcut}"});
  };
  he("resnet8", 1, 1);
  he("resnet14", 2, 1);
  he("resnet20", 3, 1);
  he("resnet32", 5, 1);
  he("resnet44", 7, 1);
  he("resnet56", 9, 1);
  he("resnet110", 18, 1);
  he("resnet8x4", 1, 4);
  he("resnet32x4", 5, 4);
}

}  // namespace engram
