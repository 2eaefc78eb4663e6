#include "models/nets/vgg.h"

namespace engram {
namespace {

constexpr double kDropout = 0.5;

constexpr dim_t kFactors[] = {1, 2, 4, 8, 8};
constexpr dim_t kShrink = 32;  // of five poolings

std::vector<TapSpec> tap_specs(dim_t width, const ImageShape& image) {
  std::vector<TapSpec> taps;
  for (int b = 0; b < 4; ++b) taps.push_back({kFactors[b] * width, image.height >> b, image.width >> b});
  return taps;
}

}  // namespace

Vgg::Vgg(NetworkSpec spec, const std::vector<int>& convolutions, dim_t width, Device device)
    : Network(spec, tap_specs(width, spec.image), device) {
  const ImageShape& image = spec.image;
  if (image.height < kShrink || image.width < kShrink)
    throw UsageError(message("[", arch(), "] expected images of at least ", kShrink, "x", kShrink,
                             " pixels (it halves them five times), got ", to_string(image)));
  dim_t in = image.channels;
  int index = 0;  // position in the reference's sequence of convolution, BN, ReLU and pooling
  for (std::size_t b = 0; b < convolutions.size(); ++b) {
    auto& block = blocks_.emplace_back();
    const dim_t out = kFactors[b] * width;
    for (int i = 0; i < convolutions[b]; ++i) {
      const Conv2dConfig conv{.in_channels = in, .out_channels = out, .bias = true};
      Unit& unit = block.emplace_back();
      unit.conv = std::make_unique<Conv2d>(conv, Init::he_normal(Conv2d::fan_out(conv)), Init::constant(0), device);
      unit.bn = std::make_unique<BatchNorm2d>(out, device);
      register_child(message("features.", index), *unit.conv);
      register_child(message("features.", index + 1), *unit.bn);
      index += 3;
      in = out;
    }
    ++index;
  }
  const dim_t hidden = in;
  in *= image.height / kShrink * (image.width / kShrink);
  for (const auto& [position, out] : {std::pair<int, dim_t>{1, hidden}, {4, hidden}, {6, num_classes()}}) {
    classifier_.push_back(std::make_unique<Linear>(in, out, device));
    register_child(message("classifier.", position), *classifier_.back());
    in = out;
  }
}

Tensor Vgg::maybe_dropout(const Tensor& x, bool training) {
  return training ? dropout(x, kDropout, dropout_generator()) : x;
}

Tensor Vgg::body(Executor& executor, const Tensor& x, std::vector<Tensor>* taps, bool taps_only) {
  Tensor h = x;
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    for (const Unit& unit : blocks_[b]) h = executor.conv_bn(*unit.conv, *unit.bn, h, Activation::kRelu);
    if (taps && b < 4) taps->push_back(h);
    if (taps_only && b == 3) return h;
    h = max_pool2d(h, {.kernel = 2});
  }
  return h;
}

Tensor Vgg::head(const Tensor& features, bool training) {
  Tensor h = flatten(features.contiguous());
  for (int layer = 0; layer < 2; ++layer) h = relu(classifier_[layer]->forward(maybe_dropout(h, training)));
  return classifier_[2]->forward(h);
}

}  // namespace engram
