#include "models/methods/distillation/attention_map.h"

namespace engram {

Tensor attention_map(const Tensor& feature) {
  return unit_rows(mean(square(feature), {1}));
}

Tensor attention_distance(const Tensor& student, const Tensor& teacher) {
  const MapPair maps = pooled_to_smaller(student, teacher.detach());
  return mse(attention_map(maps.student), attention_map(maps.teacher));
}

}  // namespace engram
