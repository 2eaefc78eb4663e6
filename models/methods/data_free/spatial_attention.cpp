#include "models/methods/data_free/spatial_attention.h"

#include "models/nets/wide_resnet.h"

namespace engram {

Tensor unit_attention(const Tensor& map) {
  if (map.rank() != 4) throw ShapeError(message("[attention] expected a map [N,C,H,W], got ", map.describe()));
  const Tensor energy = reshape(mean(square(map), {1}).contiguous(), {map.dim(0), map.dim(2) * map.dim(3)});
  return energy / maximum(norm(energy, {1}, true), Tensor::full({map.dim(0), 1}, 1e-12f, map.device()));
}

std::vector<Tensor> attention_distances(const std::vector<Tensor>& student, const std::vector<Tensor>& teacher) {
  if (student.size() != teacher.size())
    throw ShapeError(message("[attention] expected as many maps of the student as of the teacher, ", teacher.size(),
                             ", got ", student.size()));
  std::vector<Tensor> distances;
  for (std::size_t i = 0; i < student.size(); ++i)
    distances.push_back(mse(unit_attention(student[i]), unit_attention(teacher[i])));
  return distances;
}

StageMaps stage_maps(Network& network, const Tensor& x) {
  const bool wide = dynamic_cast<const WideResNet*>(&network) != nullptr;
  Features features = network.forward(x, {.taps = true, .bn_inputs = wide});
  if (wide)
    for (const BnInput& input : features.bn_inputs)
      if (input.name == "bn1") features.taps.back() = input.x;
  return {features.logits, std::move(features.taps)};
}

}  // namespace engram
