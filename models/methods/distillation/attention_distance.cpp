#include "models/methods/distillation/attention_distance.h"

#include "engine/ops/spatial_attention.h"

namespace engram {

Tensor attention_distance(const Tensor& student, const Tensor& teacher) {
  const MapPair maps = pooled_to_smaller(student, teacher.detach());
  return mse(spatial_attention(maps.student), spatial_attention(maps.teacher));
}

}  // namespace engram
