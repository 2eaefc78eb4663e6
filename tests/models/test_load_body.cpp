/// Starting weights: all of another classifier but its last layer.

#include <gtest/gtest.h>

#include "engine/io/tensor_io.h"
#include "models/load_body.h"
#include "models/nets/make_network.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

const ImageShape kImage = {3, 32, 32};

/// torchvision's ResNet-18 for 1000 classes, as a state dictionary with its counters.
StateDict imagenet_state() {
  StateDict state = make_network("resnet18-imagenet", 1000, {.seed = 3, .image = kImage})->state();
  state["bn1.num_batches_tracked"] = Tensor::from(std::vector<std::int32_t>{7}, {1});
  return state;
}

TEST(LoadBody, TakesImageNetWeightsByTheirNamesAndLeavesTheHead) {
  test::TempFolder folder;
  const StateDict stored = imagenet_state();
  io::save_tensors(folder / "resnet18.safetensors", stored);
  const auto network = make_network("resnet18-imagenet", 7, {.seed = 4, .image = kImage});
  const std::vector<float> head = network->state().at("fc.weight").to_vector();
  const std::vector<std::string> remarks = load_body(folder / "resnet18.safetensors", *network);
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_EQ(remarks[0], "the last layer of 1000 outputs was left out");
  for (const auto& [name, tensor] : network->state()) {
    if (name.starts_with("fc.")) continue;
    EXPECT_EQ(tensor.to_vector(), stored.at(name).to_vector()) << name;
  }
  EXPECT_EQ(network->state().at("fc.weight").to_vector(), head);
}

TEST(LoadBody, TakesTheHeadWhereItFitsAndNamesWhatDoesNot) {
  test::TempFolder folder;
  const auto source = make_network("resnet8", 7, {.seed = 3, .image = kImage});
  io::save_tensors(folder / "own.safetensors", source->state());
  const auto network = make_network("resnet8", 7, {.seed = 4, .image = kImage});
  EXPECT_TRUE(load_body(folder / "own.safetensors", *network).empty());
  EXPECT_EQ(network->state().at("linear.weight").to_vector(), source->state().at("linear.weight").to_vector());
  const auto other = make_network("resnet14", 7, {.seed = 4, .image = kImage});
  EXPECT_ERROR(load_body(folder / "own.safetensors", *other), DataError, "own.safetensors: ");
  EXPECT_ERROR(load_body(folder / "none.safetensors", *other), IoError, "none.safetensors");
}

}  // namespace
}  // namespace engram
