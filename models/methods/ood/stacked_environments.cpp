#include "models/methods/ood/stacked_environments.h"

#include <algorithm>

#include "engine/ops.h"

namespace engram {

StackedEnvironments::StackedEnvironments(const EnvironmentBatch& batch, int classes) : classes_(classes) {
  shape_ = batch.environments.at(0).images.shape();
  for (const LabelledBatch& environment : batch.environments)
    shape_[0] = std::min(shape_[0], environment.images.dim(0));
  std::vector<Tensor> images, targets;
  for (const LabelledBatch& environment : batch.environments) {
    images.push_back(reshape(slice(environment.images.contiguous(), 0, 0, shape_[0]).contiguous(), {1, -1}));
    targets.push_back(
        reshape(one_hot(slice(environment.labels, 0, 0, shape_[0]).contiguous(), classes), {1, shape_[0] * classes}));
  }
  images_ = concat(images, 0);
  targets_ = concat(targets, 0);
}

StackedEnvironments::Mixed StackedEnvironments::mixed(const Tensor& shares, dim_t row) const {
  const Tensor share = slice(shares, 0, row, row + 1).contiguous();
  return {reshape(matmul(share, images_), shape_), reshape(matmul(share, targets_), {shape_[0], classes_})};
}

}  // namespace engram
