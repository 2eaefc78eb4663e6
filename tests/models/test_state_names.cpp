// State dictionaries from elsewhere: names are adapted where that is safe, and messages say what fits.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/io/tensor_io.h"
#include "models/classifier_file.h"
#include "models/state_names.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using test::TempFolder;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  if (const std::size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

/// The state of a network under other names, with the counters that PyTorch writes.
template <class Rename>
StateDict renamed(const Network& network, const Rename& rename) {
  StateDict state;
  for (const auto& [name, tensor] : network.state()) {
    state[rename(name)] = tensor;
    if (name.ends_with("running_var"))
      state[rename(replaced(name, "running_var", "num_batches_tracked"))] = Tensor::full({}, 7);
  }
  return state;
}

class StateNames : public ::testing::Test {
 protected:
  /// A file without any metadata, as torch.save and a conversion leave it.
  std::filesystem::path file_of(const StateDict& state) {
    const auto path = folder_.path() / "net.safetensors";
    io::save_tensors(path, state, {});
    return path;
  }

  const TempFolder folder_;
  const std::unique_ptr<Network> network_ = make_network("resnet20", 7, {.seed = 5});
};

TEST_F(StateNames, PrefixesAndSynonymsAreTakenAndSaid) {
  const StateDict foreign = renamed(*network_, [](const std::string& name) {
    return "module.model." + replaced(replaced(name, "linear", "fc"), "shortcut", "downsample");
  });
  const Classifier read = load_classifier(file_of(foreign), {.arch = "resnet20"});
  EXPECT_EQ(read.network->num_classes(), 7);
  for (const auto& [name, tensor] : network_->state())
    EXPECT_EQ(read.network->state().at(name).to_vector(), tensor.to_vector()) << name;
  EXPECT_EQ(read.remarks,
            (std::vector<std::string>{"the prefix 'module.model.' was left out", "'fc' was read as 'linear'",
                                      "'downsample' was read as 'shortcut'"}));
  EXPECT_TRUE(load_classifier(file_of(network_->state()), {.arch = "resnet20"}).remarks.empty());
}

TEST_F(StateNames, WhatDoesNotFitKeepsItsName) {
  StateDict state = network_->state();
  state["fc.weight"] = state.at("linear.weight");
  const AdaptedState kept = adapt_state(state, *network_);
  EXPECT_TRUE(kept.tensors.contains("fc.weight"));
  EXPECT_TRUE(kept.remarks.empty());
  state.erase("linear.weight");
  state["fc.weight"] = Tensor::ones({7, 3});
  EXPECT_TRUE(adapt_state(state, *network_).tensors.contains("fc.weight"));
  // Two tensors that could stand in one place: none is dropped.
  state["fc.weight"] = state["classifier.weight"] = network_->state().at("linear.weight");
  EXPECT_EQ(adapt_state(state, *network_).tensors.size(), state.size());
}

TEST_F(StateNames, MessagesSayWhichNetworkFits) {
  const auto other = make_network("resnet20-a", 7, {.seed = 5});
  EXPECT_ERROR(load_classifier(file_of(other->state()), {.arch = "resnet20"}), DataError,
               "the tensors fit resnet20-a and resnet20-average: use --arch resnet20-a");
  EXPECT_ERROR(load_classifier(file_of(network_->state())), DataError, "the tensors fit resnet20: use --arch resnet20");
  const auto wide = make_network("wrn-10-1", 7, {.seed = 5});
  const StateDict prefixed = renamed(*wide, [](const std::string& name) { return "module." + name; });
  EXPECT_ERROR(load_classifier(file_of(prefixed)), DataError, "use --arch wrn-10-1");
  const auto narrow = make_network("resnet18-w16", 7, {.seed = 5});
  EXPECT_ERROR(load_classifier(file_of(narrow->state())), DataError, "use --arch resnet18-w16");
}

TEST_F(StateNames, EveryRegisteredNetworkIsRecognised) {
  for (const char* name : {"resnet18-imagenet-w16", "resnet8x4-a", "wrn-16-2", "vgg8-average-w16", "vgg8-w16",
                           "mobilenet", "mobilenetv2", "mobilenetv2-relu6", "shufflenetv1", "shufflenetv2"}) {
    const auto network = make_network(name, 7, {.seed = std::nullopt});
    EXPECT_EQ(head_outputs(network->state()), 7) << name;
    const std::vector<std::string> found = fitting_networks(network->state(), 7);
    EXPECT_EQ(std::count(found.begin(), found.end(), network->arch()), 1) << name;
  }
}

TEST_F(StateNames, CountsOnlyTensorsThatMatter) {
  StateDict state = renamed(*network_, [](const std::string& name) { return name; });
  const std::string own = std::to_string(network_->state().size());
  state.erase("bn1.weight");
  state["more"] = Tensor::ones({2});
  EXPECT_ERROR(network_->load_state(state), DataError,
               "expected the " + own + " tensors of the network, got " + own + " tensors; missing: bn1.weight");
}

TEST_F(StateNames, ClassNamesComeFromTheFile) {
  const auto path = folder_.path() / "net.safetensors";
  const auto names = [&](std::map<std::string, std::string> notes, int classes) {
    save_classifier(path, *make_network("wrn-10-1", classes), cifar_normalization(), notes);
    return load_classifier(path).class_names;
  };
  EXPECT_EQ(names({{"class_names", "owl\nelk"}, {"dataset", "cifar10"}}, 2), (std::vector<std::string>{"owl", "elk"}));
  EXPECT_EQ(names({{"dataset", "cifar10-subset"}}, 10).at(9), "truck");
  EXPECT_EQ(names({{"dataset", "cifar10"}}, 2), (std::vector<std::string>{"0", "1"}));
  EXPECT_ERROR(names({{"class_names", "owl"}}, 2), DataError, "\"class_names\" of 2 lines, got 1");
}

}  // namespace
}  // namespace engram
