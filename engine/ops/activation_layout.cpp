#include "engine/ops/activation_layout.h"

namespace engram {

Tensor dense_activation(const char* op, const Tensor& x) {
  if (x.dtype() != DType::kF32) throw DTypeError(message("[", op, "] expected f32, got ", x.describe()));
  if (x.rank() != 4) throw ShapeError(message("[", op, "] expected [N,C,H,W], got ", x.describe()));
  const Tensor plain = x.detach();
  return plain.is_dense() ? plain : plain.contiguous();
}

Tensor in_layout(const Tensor& x, Layout layout) {
  const Tensor plain = x.detach();
  return layout == Layout::kBlocked ? plain.blocked() : plain.contiguous();
}

}  // namespace engram
