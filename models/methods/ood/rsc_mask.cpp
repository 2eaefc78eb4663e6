#include "models/methods/ood/rsc_mask.h"

#include <algorithm>
#include <cmath>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/ood/order_statistic.h"

namespace engram {

Tensor muted_features(const Tensor& gradient, double share) {
  const NoGradGuard no_grad;
  return greater(row_percentile(gradient, 100 * (1 - share)), gradient.detach());
}

Tensor challenged_samples(const Tensor& drop, double share) {
  const NoGradGuard no_grad;
  const Tensor row = reshape(drop.detach(), {1, drop.dim(0)});
  return reshape(1.f + neg(greater(row_percentile(row, 100 * (1 - share)), row)), {drop.dim(0), 1});
}

Tensor position_scores(const Tensor& maps, const Tensor& gradient) {
  const NoGradGuard no_grad;
  const Tensor weight = mean(gradient.detach(), {2, 3}, true);
  return reshape(sum(maps.detach() * weight, {1}).contiguous(), {maps.dim(0), maps.dim(2) * maps.dim(3)});
}

Tensor channel_scores(const Tensor& gradient) {
  const NoGradGuard no_grad;
  return mean(gradient.detach(), {2, 3});
}

Tensor muted_above(const Tensor& scores, dim_t position) {
  const NoGradGuard no_grad;
  const Tensor values = scores.detach();
  const dim_t last = values.dim(1) - 1;
  return 1.f + neg(greater(values, order_statistic(values, last - std::min(position, last))));
}

Tensor challenged_samples_released(const Tensor& drop, double fraction) {
  const NoGradGuard no_grad;
  const dim_t count = drop.dim(0);
  const Tensor fallen = relu(reshape(drop.detach(), {1, count}) + -1e-4f);
  // Python's round: to the even one of two equally near.
  const dim_t position = std::min(dim_t(std::nearbyint(double(count) * fraction)), count - 1);
  return reshape(greater(fallen, order_statistic(fallen, count - 1 - position)), {count, 1});
}

}  // namespace engram
