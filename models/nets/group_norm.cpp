#include "models/nets/group_norm.h"

namespace engram {

GroupNorm::GroupNorm(dim_t groups, dim_t channels, Device device) : groups_(groups) {
  if (groups < 1 || channels % groups != 0)
    throw UsageError(message("[group_norm] expected groups that divide ", channels, " channels, got ", groups));
  weight_ = register_parameter("weight", {channels}, Init::constant(1), device);
  bias_ = register_parameter("bias", {channels}, Init::constant(0), device);
}

Tensor GroupNorm::forward(const Tensor& x) const {
  const dim_t channels = x.dim(1);
  const Tensor groups = reshape(x.contiguous(), {x.dim(0), groups_, x.numel() / (x.dim(0) * groups_)});
  const Tensor centred = groups - mean(groups, {2}, true);
  const Tensor normed = centred * pow(1e-5f + mean(square(centred), {2}, true), -0.5f);
  return reshape(normed, x.shape()) * reshape(weight_, {1, channels, 1, 1}) + reshape(bias_, {1, channels, 1, 1});
}

}  // namespace engram
