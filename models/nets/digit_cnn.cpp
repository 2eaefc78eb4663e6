#include "models/nets/digit_cnn.h"

#include "models/nets/conv_config.h"
#include "models/nets/network_registry.h"

namespace engram {
namespace {

constexpr dim_t kNarrow = 64, kWide = 128, kGroups = 8;

}  // namespace

DigitCnn::DigitCnn(NetworkSpec spec, Device device)
    : Network(spec, {{kWide, strided_extent(spec.image.height, 2), strided_extent(spec.image.width, 2)}}, device),
      conv1_(biased_conv3x3(spec.image.channels, kNarrow, 1), device),
      conv2_(biased_conv3x3(kNarrow, kWide, 2), device),
      conv3_(biased_conv3x3(kWide, kWide, 1), device),
      conv4_(biased_conv3x3(kWide, kWide, 1), device),
      bn0_(kGroups, kNarrow, device),
      bn1_(kGroups, kWide, device),
      bn2_(kGroups, kWide, device),
      bn3_(kGroups, kWide, device),
      classifier_(kWide, spec.num_classes, device) {
  register_child("conv1", conv1_);
  register_child("conv2", conv2_);
  register_child("conv3", conv3_);
  register_child("conv4", conv4_);
  register_child("bn0", bn0_);
  register_child("bn1", bn1_);
  register_child("bn2", bn2_);
  register_child("bn3", bn3_);
  register_child("classifier", classifier_);
}

Tensor DigitCnn::stage(Executor& executor, int, const Tensor& x, PreActivation*) {
  Tensor h = bn0_.forward(relu(executor.conv(conv1_, x)));
  h = bn1_.forward(relu(executor.conv(conv2_, h)));
  h = bn2_.forward(relu(executor.conv(conv3_, h)));
  return bn3_.forward(relu(executor.conv(conv4_, h)));
}

Tensor DigitCnn::classify(const Tensor& pooled, bool) {
  return classifier_.forward(pooled);
}

namespace {

struct DigitCnnSettings {};
Settings digit_cnn_settings(DigitCnnSettings&) {
  return {};
}

}  // namespace

void add_digit_cnns(NetworkRegistry& registry) {
  registry.add<DigitCnnSettings>("digit-cnn", "DomainBed's four convolutions with group normalisation, for digits", {},
                                 digit_cnn_settings,
                                 [](const DigitCnnSettings&, const NetworkSpec& spec, const Device& device) {
                                   return std::make_unique<DigitCnn>(spec, device);
                                 });
}

}  // namespace engram
