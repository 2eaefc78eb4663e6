#pragma once
/// The two steps that are timed and counted, on random weights and data.

#include <memory>
#include <string>

#include "engine/autograd.h"
#include "engine/captured_work.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "models/methods/inversion.h"
#include "models/nets/make_network.h"
#include "models/training/optimizer.h"

namespace engram::bench {

/// One SGD step with Nesterov momentum and weight decay on a fixed batch of noise. On a device the work is queued, as a
/// captured graph unless `capture` is off.
class TrainingStep {
 public:
  TrainingStep(const std::string& arch, dim_t batch, const Device& device = {}, bool capture = true)
      : network_(make_network(arch, 10, {.device = device})),
        parameters_(network_->parameters()),
        optimizer_(network_->named_parameters(), decayed()) {
    Generator random(1);
    images_ = normal({batch, 3, 32, 32}, random).to(device);
    std::vector<std::int32_t> labels;
    for (dim_t i = 0; i < batch; ++i) labels.push_back(std::int32_t(i % 10));
    labels_ = Tensor::from(labels, {batch}, device);
    if (capture && !device.is_cpu()) captured_ = std::make_unique<CapturedWork>(device);
  }
  void run() {
    if (captured_)
      captured_->run([this] { issue(); });
    else
      issue();
  }

 private:
  void issue() {
    const Tensor loss = softmax_cross_entropy(network_->forward(images_), labels_);
    optimizer_.step(grad({loss}, parameters_), 0.01f);
  }
  static OptimizerOptions decayed() {
    OptimizerOptions options;
    options.weight_decay = 5e-4f;
    return options;
  }

  std::unique_ptr<Network> network_;
  std::vector<Tensor> parameters_;
  Optimizer optimizer_;
  Tensor images_, labels_;
  std::unique_ptr<CapturedWork> captured_;
};

/// One iteration of NaturalInversion.
class InversionStep {
 public:
  InversionStep(const std::string& arch, dim_t batch, const Device& device = {}, bool capture = true)
      : classifier_(make_network(arch, 10, {.device = device})) {
    InversionOptions options;
    options.batch_size = batch;
    options.capture = capture;
    inversion_ = start_inversion(*classifier_, options, 1, 0);
  }
  /// On a device the work is queued.
  void run() { inversion_->advance(); }

 private:
  std::unique_ptr<Network> classifier_;
  std::unique_ptr<Inversion> inversion_;
};

}  // namespace engram::bench
