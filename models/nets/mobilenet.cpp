#include "models/nets/mobilenet.h"

#include <algorithm>

#include "models/nets/conv_config.h"
#include "models/nets/network_registry.h"

namespace engram {
namespace {

std::unique_ptr<Linear> small_head(dim_t in, dim_t out, Device device) {
  return std::make_unique<Linear>(in, out, Init::normal(0, 0.01f), Init::constant(0), device);
}

TapSpec tap(dim_t channels, const ImageShape& image, dim_t shrink) {
  return {channels, strided_extent(image.height, shrink), strided_extent(image.width, shrink)};
}

// First version.

constexpr dim_t kMobileStem = 32;

struct V1Block {
  dim_t channels, stride;
};
constexpr V1Block kV1Blocks[] = {{64, 1},  {128, 1}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                                 {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 1}, {1024, 1}};
/// Blocks up to the end of each stage: the last before the image is halved, and the last.
constexpr std::size_t kV1Ends[] = {3, 5, 13};

dim_t scaled(dim_t channels, double width) {
  return std::max<dim_t>(1, dim_t(double(channels) * width));
}

std::vector<TapSpec> v1_taps(double width, const ImageShape& image) {
  std::vector<TapSpec> taps;
  for (int s = 0; s < 3; ++s)
    taps.push_back(tap(scaled(kV1Blocks[kV1Ends[s] - 1].channels, width), image, dim_t{1} << s));
  return taps;
}

// Second version.

struct V2Group {
  dim_t channels;
  int blocks;
  dim_t stride, torchvision_stride;
};
constexpr V2Group kV2Groups[] = {{16, 1, 1, 1}, {24, 2, 1, 2},  {32, 3, 2, 2}, {64, 4, 2, 2},
                                 {96, 3, 1, 1}, {160, 3, 2, 2}, {320, 1, 1, 1}};
/// Groups up to the end of each stage.
constexpr std::size_t kV2Ends[] = {2, 3, 5, 7};
constexpr dim_t kV2Last = 1280;
constexpr double kV2Dropout = 0.2;

dim_t stride_of(const V2Group& group, const MobileNetV2Config& config) {
  return config.torchvision ? group.torchvision_stride : group.stride;
}

/// Channels times the width: rounded to the nearest multiple of 8 that is not smaller by more than a tenth, or down.
dim_t v2_channels(dim_t channels, const MobileNetV2Config& config) {
  const double exact = double(channels) * config.width;
  if (!config.torchvision) return std::max<dim_t>(1, dim_t(exact));
  const dim_t rounded = std::max<dim_t>(8, dim_t(exact + 4) / 8 * 8);
  return double(rounded) < 0.9 * exact ? rounded + 8 : rounded;
}

std::vector<TapSpec> v2_taps(const MobileNetV2Config& config, const ImageShape& image) {
  std::vector<TapSpec> taps;
  dim_t shrink = 2;
  std::size_t g = 0;
  for (const std::size_t end : kV2Ends) {
    for (; g < end; ++g) shrink *= stride_of(kV2Groups[g], config);
    taps.push_back(tap(v2_channels(kV2Groups[end - 1].channels, config), image, shrink));
  }
  return taps;
}

}  // namespace

MobileNetV1::Block::Block(dim_t in, dim_t out, dim_t stride, Device device)
    : conv1(depthwise3x3(in, stride), Init::he_normal(9), {},
            device),  // fan out of one channel, as the reference has it
      bn1(in, device),
      conv2(conv1x1(in, out), he_fan_out(conv1x1(in, out)), {}, device),
      bn2(out, device) {
  register_child("conv1", conv1);
  register_child("bn1", bn1);
  register_child("conv2", conv2);
  register_child("bn2", bn2);
}

Tensor MobileNetV1::Block::forward(Executor& executor, const Tensor& x, PreActivation* before) const {
  const Tensor h = executor.conv_bn(conv1, bn1, x, Activation::kRelu);
  if (!before) return executor.conv_bn(conv2, bn2, h, Activation::kRelu);
  *before = {executor.conv_bn(conv2, bn2, h, Activation::kNone), &bn2};
  return relu(before->value);
}

MobileNetV1::MobileNetV1(NetworkSpec spec, double width, Device device)
    : Network(spec, v1_taps(width, spec.image), device),
      conv1_(conv3x3(spec.image.channels, kMobileStem, 1), he_fan_out(conv3x3(spec.image.channels, kMobileStem, 1)), {},
             device),
      bn1_(kMobileStem, device) {
  register_child("conv1", conv1_);
  register_child("bn1", bn1_);
  dim_t in = kMobileStem;
  for (const V1Block& block : kV1Blocks) {
    const dim_t out = scaled(block.channels, width);
    blocks_.push_back(std::make_unique<Block>(in, out, block.stride, device));
    register_child(message("layers.", blocks_.size() - 1), *blocks_.back());
    in = out;
  }
  linear_ = small_head(in, num_classes(), device);
  register_child("linear", *linear_);
}

Tensor MobileNetV1::stage(Executor& executor, int s, const Tensor& x, PreActivation* before) {
  Tensor h = s == 0 ? executor.conv_bn(conv1_, bn1_, x, Activation::kRelu) : x;
  const std::size_t end = kV1Ends[s];
  for (std::size_t b = s == 0 ? 0 : kV1Ends[s - 1]; b < end; ++b)
    h = blocks_[b]->forward(executor, h, b + 1 == end ? before : nullptr);
  return h;
}

Tensor MobileNetV1::classify(const Tensor& pooled, bool) {
  return linear_->forward(pooled);
}

MobileNetV2::MobileNetV2(NetworkSpec spec, const MobileNetV2Config& config, Device device)
    : Network(spec, v2_taps(config, spec.image), device), config_(config) {
  const bool tv = config.torchvision;
  dim_t in = v2_channels(kMobileStem, config);
  first_ = add_unit(tv ? "features.0.0" : "conv1.0", tv ? "features.0.1" : "conv1.1",
                    conv3x3(spec.image.channels, in, 2), device);
  int block = 0;
  for (std::size_t g = 0; g < std::size(kV2Groups); ++g) {
    const V2Group& group = kV2Groups[g];
    const dim_t out = v2_channels(group.channels, config);
    groups_.emplace_back();
    for (int b = 0; b < group.blocks; ++b) {
      const std::string prefix = tv ? message("features.", ++block, ".conv.") : message("blocks.", g, ".", b, ".conv.");
      add_block(prefix, in, out, b == 0 ? stride_of(group, config) : 1, g == 0 ? 1 : config.expansion, device);
      in = out;
    }
  }
  const dim_t last = config.width > 1 ? v2_channels(kV2Last, config) : kV2Last;
  last_ = add_unit(tv ? "features.18.0" : "conv2.0", tv ? "features.18.1" : "conv2.1", conv1x1(in, last), device);
  classifier_ = small_head(last, num_classes(), device);
  register_child(tv ? "classifier.1" : "classifier.0", *classifier_);
}

MobileNetV2::Unit* MobileNetV2::add_unit(const std::string& conv_name, const std::string& bn_name,
                                         const Conv2dConfig& conv, Device device) {
  units_.push_back(std::unique_ptr<Unit>(
      new Unit{Conv2d(conv, he_fan_out(conv), {}, device), BatchNorm2d(conv.out_channels, device)}));
  register_child(conv_name, units_.back()->conv);
  register_child(bn_name, units_.back()->bn);
  return units_.back().get();
}

void MobileNetV2::add_block(const std::string& prefix, dim_t in, dim_t out, dim_t stride, dim_t expansion,
                            Device device) {
  Block block{{}, stride == 1 && in == out};
  const dim_t inner = in * expansion;
  const bool tv = config_.torchvision;
  int position = 0;  // torchvision nests convolution, BN and activation; RepDistiller lists them
  const auto add = [&](const Conv2dConfig& conv, bool activated) {
    const std::string unit = prefix + std::to_string(position);
    const bool nested = tv && activated;
    block.units.push_back(add_unit(nested ? unit + ".0" : unit,
                                   nested ? unit + ".1" : prefix + std::to_string(position + 1), conv, device));
    position += nested ? 1 : 3;
  };
  if (!tv || expansion != 1) add(conv1x1(in, inner), true);
  add(depthwise3x3(inner, stride), true);
  add(conv1x1(inner, out), false);
  groups_.back().push_back(std::move(block));
}

Tensor MobileNetV2::activated(Executor& executor, const Unit& unit, const Tensor& x) const {
  if (!config_.torchvision) return executor.conv_bn(unit.conv, unit.bn, x, Activation::kRelu);
  return clamp(executor.conv_bn(unit.conv, unit.bn, x, Activation::kNone), 0, 6);
}

Tensor MobileNetV2::stage(Executor& executor, int s, const Tensor& x, PreActivation* before) {
  Tensor h = s == 0 ? activated(executor, *first_, x) : x;
  const BatchNorm2d* bn = nullptr;
  for (std::size_t g = s == 0 ? 0 : kV2Ends[s - 1]; g < kV2Ends[s]; ++g)
    for (const Block& block : groups_[g]) {
      const Tensor residual = block.adds_input ? h : Tensor();
      for (std::size_t u = 0; u + 1 < block.units.size(); ++u) h = activated(executor, *block.units[u], h);
      const Unit& projection = *block.units.back();
      h = executor.conv_bn(projection.conv, projection.bn, h, Activation::kNone, residual);
      bn = &projection.bn;
    }
  if (before) *before = {h, bn};
  return h;
}

Tensor MobileNetV2::neck(Executor& executor, const Tensor& x) {
  return activated(executor, *last_, x);
}

Tensor MobileNetV2::classify(const Tensor& pooled, bool training) {
  const bool drops = training && config_.torchvision;
  return classifier_->forward(drops ? dropout(pooled, kV2Dropout, dropout_generator()) : pooled);
}

namespace {

struct V1Settings {
  double width = 1;
};
Settings v1_settings(V1Settings& s) {
  return {{"width", &s.width, "factor of the blocks' channels"}};
}

struct V2Settings {
  double width = 0.5;
  dim_t expansion = 6;
};
Settings v2_settings(V2Settings& s) {
  return {{"width", &s.width, "factor of the channels"},
          {"expansion", &s.expansion, "factor of the channels inside a block"}};
}

void check_width(const NetworkSpec& spec, double width) {
  if (!(width >= 0.1 && width <= 8))
    throw UsageError(message("[", spec.arch, "] expected a width from 0.1 to 8, got ", width));
}

std::unique_ptr<Network> make_v2(const V2Settings& s, bool torchvision, const NetworkSpec& spec, const Device& device) {
  check_width(spec, s.width);
  if (s.expansion < 1 || s.expansion > 64)
    throw UsageError(message("[", spec.arch, "] expected an expansion from 1 to 64, got ", s.expansion));
  const MobileNetV2Config config{.width = s.width, .expansion = s.expansion, .torchvision = torchvision};
  return std::make_unique<MobileNetV2>(spec, config, device);
}

}  // namespace

void add_mobilenets(NetworkRegistry& registry) {
  registry.add<V1Settings>("mobilenet", "MobileNet, CIFAR form of the IE-KD code", {}, v1_settings,
                           [](const V1Settings& s, const NetworkSpec& spec, const Device& device) {
                             check_width(spec, s.width);
                             return std::make_unique<MobileNetV1>(spec, s.width, device);
                           });
  registry.add<V2Settings>("mobilenetv2", "MobileNetV2 of half the width, as RepDistiller has it", {}, v2_settings,
                           [](const V2Settings& s, const NetworkSpec& spec, const Device& device) {
                             return make_v2(s, false, spec, device);
                           });
  registry.add<V2Settings>("mobilenetv2-relu6", "MobileNetV2 as torchvision and the IE-KD code have it", {.width = 1},
                           v2_settings, [](const V2Settings& s, const NetworkSpec& spec, const Device& device) {
                             return make_v2(s, true, spec, device);
                           });
}

}  // namespace engram
