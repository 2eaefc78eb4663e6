#pragma once
/// Environments whose batches are given.

#include "models/data/environment_source.h"
#include "models/training/staged.h"

namespace engram::testing {

/// One environment's part of a step.
struct GivenImages {
  std::vector<float> images;
  std::vector<std::int32_t> labels;
  std::vector<std::int32_t> contexts = {};
};

/// Hands out the given steps in turn, again from the first after the last. Extents are those of every step.
class GivenEnvironments : public EnvironmentSource {
 public:
  /// `steps` hold the same numbers of images for each environment.
  GivenEnvironments(std::vector<std::vector<GivenImages>> steps, const Shape& image, int classes, int contexts,
                    Device device = {})
      : steps_(std::move(steps)), classes_(classes), contexts_(contexts), device_(device) {
    for (const GivenImages& given : steps_.at(0)) {
      Shape shape = image;
      shape.insert(shape.begin(), dim_t(given.labels.size()));
      batch_.environments.push_back({Tensor::zeros(shape, device), Tensor::from(given.labels, {shape[0]}, device)});
      if (contexts > 0) batch_.contexts.push_back(Tensor::from(given.contexts, {shape[0]}, device));
    }
  }

  Device device() const override { return device_; }
  dim_t num_environments() const override { return dim_t(batch_.environments.size()); }
  int num_classes() const override { return classes_; }
  int num_contexts() const override { return contexts_; }
  void stage(dim_t step) override {
    const auto& given = steps_[std::size_t(step) % steps_.size()];
    for (std::size_t e = 0; e < given.size(); ++e) {
      stage_values(batch_.environments[e].images, given[e].images);
      stage_values(batch_.environments[e].labels, given[e].labels);
      if (contexts_ > 0) stage_values(batch_.contexts[e], given[e].contexts);
    }
  }
  EnvironmentBatch gather() const override { return batch_; }

 private:
  std::vector<std::vector<GivenImages>> steps_;
  int classes_, contexts_;
  Device device_;
  EnvironmentBatch batch_;
};

}  // namespace engram::testing
