/// Networks on the emulated device against the CPU: depthwise, grouped and strided convolutions, shuffles, ReLU6 and
/// poolings all have a part in it. Their gradients are compared operation by operation (tests/engine/on_device).

#include <gtest/gtest.h>

#include <cctype>

#include "engine/autograd.h"
#include "models/nets/make_network.h"
#include "tests/support/tensor_testing.h"

namespace engram {
namespace {

using testing::random_tensor;
using testing::relative_difference;

/// Logits in training mode, then by the inference path with the statistics that training left.
std::pair<Tensor, Tensor> logits_on(const Device& device, const std::string& arch, const ImageShape& image) {
  const NoGradGuard no_grad;
  const auto network = make_network(arch, 3, {.seed = 5, .device = device, .image = image});
  const Tensor x = random_tensor({4, image.channels, image.height, image.width}, 7).to(device);
  const Tensor training = network->forward(x);
  network->eval();
  return {training, network->logits_inference(x)};
}

class NetworkOnDevice : public ::testing::TestWithParam<std::pair<const char*, ImageShape>> {};

TEST_P(NetworkOnDevice, LogitsAreTheCpus) {
  const auto [arch, image] = GetParam();
  const auto [training, inference] = logits_on({}, arch, image);
  const auto [emu_training, emu_inference] = logits_on(parse_device("emu"), arch, image);
  // Statistics of four images with a pixel each multiply what rounding leaves.
  EXPECT_LT(relative_difference(emu_training, training), 1e-2);
  EXPECT_LT(relative_difference(emu_inference, inference), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(
    Families, NetworkOnDevice,
    ::testing::Values(std::pair{R"({"name": "mobilenet", "width": 0.25})", ImageShape{3, 32, 32}},
                      std::pair{R"({"name": "mobilenetv2", "width": 0.25})", ImageShape{3, 32, 32}},
                      std::pair{R"({"name": "mobilenetv2-relu6", "width": 0.25})", ImageShape{3, 32, 32}},
                      std::pair{"shufflenetv1", ImageShape{3, 32, 32}},
                      std::pair{"shufflenetv2", ImageShape{3, 32, 32}}, std::pair{"vgg8-w16", ImageShape{3, 32, 32}},
                      std::pair{"vgg8-average-w16", ImageShape{1, 32, 32}},
                      std::pair{"resnet18-imagenet-w16", ImageShape{3, 32, 32}},
                      std::pair{"resnet8x4", ImageShape{3, 8, 8}},
                      std::pair{R"({"name": "mlp", "hidden": [20, 10]})", ImageShape{1, 9, 7}}),
    [](const auto& info) {
      std::string name = info.param.first;
      for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
      return name;
    });

}  // namespace
}  // namespace engram
