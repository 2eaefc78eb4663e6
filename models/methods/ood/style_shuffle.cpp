#include "models/methods/ood/style_shuffle.h"

#include "engine/ops.h"

namespace engram {

Tensor style_shuffle(const Tensor& x, Randomized what, const Tensor& shares, const Tensor& shuffle) {
  constexpr float kEps = 1e-5f;
  const dim_t count = x.dim(0), channels = x.rank() == 4 ? x.dim(1) : 1;
  const Tensor flat = reshape(x.contiguous(), {count, channels, -1});
  Tensor mean = engram::mean(flat, {2}, true), var = engram::var(flat, {2}, true, 1);
  const auto others = [&](const Tensor& values) {
    return reshape(matmul(shuffle, reshape(values.contiguous(), {count, -1})), values.shape());
  };
  Tensor content = (flat - mean) / sqrt(kEps + var);
  if (what == Randomized::kStyle) {
    const Tensor own = reshape(shares, {count, 1, 1}), rest = 1.f + neg(own);
    mean = own * mean + rest * others(mean);
    var = own * var + rest * others(var);
  } else {
    content = others(content.detach());
  }
  return reshape(content * sqrt(kEps + var) + mean, x.shape());
}

}  // namespace engram
