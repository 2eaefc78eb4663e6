#include "models/methods/ood/parameters_below.h"

#include "engine/autograd.h"
#include "engine/ops.h"

namespace engram {

std::pair<std::vector<NamedTensor>, std::vector<NamedTensor>> below_and_above(const std::vector<NamedTensor>& all,
                                                                              const Tensor& result) {
  std::vector<Tensor> tensors;
  for (const NamedTensor& parameter : all) tensors.push_back(parameter.tensor);
  const std::vector<Tensor> gradients = grad({sum(result)}, tensors, {.allow_unused = true});
  std::pair<std::vector<NamedTensor>, std::vector<NamedTensor>> parts;
  for (std::size_t i = 0; i < all.size(); ++i) (gradients[i].defined() ? parts.first : parts.second).push_back(all[i]);
  return parts;
}

}  // namespace engram
