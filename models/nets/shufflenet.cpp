#include "models/nets/shufflenet.h"

#include "models/nets/conv_config.h"
#include "models/nets/network_registry.h"

namespace engram {
namespace {

constexpr dim_t kShuffleStem = 24;

std::vector<TapSpec> tap_specs(const std::vector<dim_t>& channels, const ImageShape& image) {
  std::vector<TapSpec> taps;
  for (int s = 0; s < 3; ++s)
    taps.push_back({channels[std::size_t(s)], strided_extent(image.height, dim_t{2} << s),
                    strided_extent(image.width, dim_t{2} << s)});
  return taps;
}

// First version.

constexpr dim_t kV1Groups = 3;
constexpr int kV1Repeats[] = {4, 8, 4};
const std::vector<dim_t> kV1Channels = {240, 480, 960};

// Second version.

constexpr int kV2Blocks[] = {3, 7, 3};  // beside the one that halves

}  // namespace

ShuffleNetV1::Bottleneck::Bottleneck(dim_t in, dim_t out, dim_t stride, dim_t first_groups, Device device)
    : conv1(conv1x1(in, out / 4, first_groups), device),
      bn1(out / 4, device),
      conv2(depthwise3x3(out / 4, stride), device),
      bn2(out / 4, device),
      conv3(conv1x1(out / 4, out, kV1Groups), device),
      bn3(out, device) {
  register_child("conv1", conv1);
  register_child("bn1", bn1);
  register_child("conv2", conv2);
  register_child("bn2", bn2);
  register_child("conv3", conv3);
  register_child("bn3", bn3);
}

Tensor ShuffleNetV1::Bottleneck::forward(Executor& executor, const Tensor& x, PreActivation* before) const {
  Tensor h = executor.conv_bn(conv1, bn1, x, Activation::kRelu);
  h = channel_shuffle(h, conv1.config().groups);
  h = executor.conv_bn(conv2, bn2, h, Activation::kRelu);
  if (conv2.config().stride == 1 && !before) return executor.conv_bn(conv3, bn3, h, Activation::kRelu, x);
  if (conv2.config().stride == 1) {
    h = executor.conv_bn(conv3, bn3, h, Activation::kNone, x);
  } else {
    h = executor.conv_bn(conv3, bn3, h, Activation::kNone);
    h = concat({h, avg_pool2d(x, {.kernel = 3, .stride = 2, .padding = 1})}, 1);
  }
  if (before) *before = {h, nullptr};
  return relu(h);
}

ShuffleNetV1::ShuffleNetV1(NetworkSpec spec, Device device)
    : Network(spec, tap_specs(kV1Channels, spec.image), device),
      conv1_(conv1x1(spec.image.channels, kShuffleStem), device),
      bn1_(kShuffleStem, device) {
  register_child("conv1", conv1_);
  register_child("bn1", bn1_);
  dim_t in = kShuffleStem;
  for (std::size_t s = 0; s < kV1Channels.size(); ++s) {
    auto& stage = stages_.emplace_back();
    for (int b = 0; b < kV1Repeats[s]; ++b) {
      const dim_t out = kV1Channels[s] - (b == 0 ? in : 0);  // the input is joined to the first
      stage.push_back(
          std::make_unique<Bottleneck>(in, out, b == 0 ? 2 : 1, in == kShuffleStem ? 1 : kV1Groups, device));
      register_child(message("layer", s + 1, ".", b), *stage.back());
      in = kV1Channels[s];
    }
  }
  linear_ = std::make_unique<Linear>(in, num_classes(), device);
  register_child("linear", *linear_);
}

Tensor ShuffleNetV1::stage(Executor& executor, int s, const Tensor& x, PreActivation* before) {
  Tensor h = s == 0 ? executor.conv_bn(conv1_, bn1_, x, Activation::kRelu) : x;
  const auto& blocks = stages_[std::size_t(s)];
  for (const auto& block : blocks) h = block->forward(executor, h, block == blocks.back() ? before : nullptr);
  return h;
}

Tensor ShuffleNetV1::classify(const Tensor& pooled, bool) {
  return linear_->forward(pooled);
}

void ShuffleNetV2::Units::add(const Conv2dConfig& conv, Device device) {
  convs.push_back(std::make_unique<Conv2d>(conv, device));
  bns.push_back(std::make_unique<BatchNorm2d>(conv.out_channels, device));
  register_child(message("conv", convs.size()), *convs.back());
  register_child(message("bn", bns.size()), *bns.back());
}

Tensor ShuffleNetV2::Units::run(Executor& executor, std::size_t i, const Tensor& x, Activation activation) const {
  return executor.conv_bn(*convs[i], *bns[i], x, activation);
}

Tensor ShuffleNetV2::halving(Executor& executor, const Units& units, const Tensor& x) {
  Tensor left = units.run(executor, 0, x, Activation::kNone);
  left = units.run(executor, 1, left, Activation::kRelu);
  Tensor right = units.run(executor, 2, x, Activation::kRelu);
  right = units.run(executor, 3, right, Activation::kNone);
  right = units.run(executor, 4, right, Activation::kRelu);
  return channel_shuffle(concat({left, right}, 1), 2);
}

Tensor ShuffleNetV2::keeping(Executor& executor, const Units& units, const Tensor& x, PreActivation* before) {
  const dim_t half = x.dim(1) / 2;
  const Tensor kept = slice(x, 1, 0, half).contiguous();
  Tensor h = slice(x, 1, half, x.dim(1));
  h = units.run(executor, 0, h, Activation::kRelu);
  h = units.run(executor, 1, h, Activation::kNone);
  if (before) {
    h = units.run(executor, 2, h, Activation::kNone);
    *before = {concat({kept, h}, 1), nullptr};
    h = relu(h);
  } else {
    h = units.run(executor, 2, h, Activation::kRelu);
  }
  return channel_shuffle(concat({kept, h}, 1), 2);
}

ShuffleNetV2::ShuffleNetV2(NetworkSpec spec, const std::vector<dim_t>& channels, Device device)
    : Network(spec, tap_specs(channels, spec.image), device),
      conv1_(conv1x1(spec.image.channels, kShuffleStem), device),
      bn1_(kShuffleStem, device),
      conv2_(conv1x1(channels[2], channels[3]), device),
      bn2_(channels[3], device),
      linear_(channels[3], spec.num_classes, device) {
  register_child("conv1", conv1_);
  register_child("bn1", bn1_);
  dim_t in = kShuffleStem;
  for (std::size_t s = 0; s < 3; ++s) {
    auto& stage = stages_.emplace_back();
    const dim_t out = channels[s], half = out / 2;
    for (int b = 0; b <= kV2Blocks[s]; ++b) {
      stage.push_back(std::make_unique<Units>());
      Units& units = *stage.back();
      const std::vector<Conv2dConfig> convs =
          b == 0 ? std::vector{depthwise3x3(in, 2), conv1x1(in, half), conv1x1(in, half), depthwise3x3(half, 2),
                               conv1x1(half, half)}
                 : std::vector{conv1x1(half, half), depthwise3x3(half, 1), conv1x1(half, half)};
      for (const Conv2dConfig& conv : convs) units.add(conv, device);
      register_child(message("layer", s + 1, ".", b), units);
    }
    in = out;
  }
  register_child("conv2", conv2_);
  register_child("bn2", bn2_);
  register_child("linear", linear_);
}

Tensor ShuffleNetV2::stage(Executor& executor, int s, const Tensor& x, PreActivation* before) {
  Tensor h = s == 0 ? executor.conv_bn(conv1_, bn1_, x, Activation::kRelu) : x;
  const auto& blocks = stages_[std::size_t(s)];
  h = halving(executor, *blocks[0], h);
  for (std::size_t b = 1; b < blocks.size(); ++b)
    h = keeping(executor, *blocks[b], h, b + 1 == blocks.size() ? before : nullptr);
  return h;
}

Tensor ShuffleNetV2::neck(Executor& executor, const Tensor& x) {
  return executor.conv_bn(conv2_, bn2_, x, Activation::kRelu);
}

Tensor ShuffleNetV2::classify(const Tensor& pooled, bool) {
  return linear_.forward(pooled);
}

namespace {

struct NoSettings {};
Settings no_settings(NoSettings&) {
  return {};
}

struct ShuffleV2Settings {
  std::vector<dim_t> channels = {116, 232, 464, 1024};
};
Settings shuffle_v2_settings(ShuffleV2Settings& s) {
  return {{"channels", &s.channels, "of the three stages, even, and of the last convolution"}};
}

}  // namespace

void add_shufflenets(NetworkRegistry& registry) {
  registry.add<NoSettings>("shufflenetv1", "ShuffleNet with 3 groups, as RepDistiller has it", {}, no_settings,
                           [](const NoSettings&, const NetworkSpec& spec, const Device& device) {
                             return std::make_unique<ShuffleNetV1>(spec, device);
                           });
  registry.add<ShuffleV2Settings>(
      "shufflenetv2", "ShuffleNetV2, as RepDistiller has it", {}, shuffle_v2_settings,
      [](const ShuffleV2Settings& s, const NetworkSpec& spec, const Device& device) {
        bool good = s.channels.size() == 4;
        for (std::size_t i = 0; i < s.channels.size(); ++i)
          good = good && s.channels[i] >= 1 && s.channels[i] <= 4096 && (i == 3 || s.channels[i] % 2 == 0);
        if (!good)
          throw UsageError(
              message("[", spec.arch, "] expected four numbers of channels up to 4096, the first three ", "even"));
        return std::make_unique<ShuffleNetV2>(spec, s.channels, device);
      });
}

}  // namespace engram
