#include "models/methods/data_free/contrastive_loss.h"

#include <numeric>

#include "engine/autograd.h"

namespace engram {
ProjectionHead::ProjectionHead(dim_t in, dim_t out, Device device) : first_(in, in, device), second_(in, out, device) {
  register_child("head.0", first_);
  register_child("head.2", second_);
}

Tensor ProjectionHead::forward(const Tensor& x) const {
  const Tensor y = second_.forward(relu(first_.forward(x)));
  return y / maximum(norm(y, {1}, true), Tensor::full({x.dim(0), 1}, 1e-12f, x.device()));
}

Tensor diagonal_labels(dim_t count, const Device& device) {
  std::vector<std::int32_t> labels(std::size_t(count), 0);
  std::iota(labels.begin(), labels.end(), 0);
  return Tensor::from(labels, {count}, device);
}

Contrast contrastive_loss(const ProjectionHead& head, const ContrastViews& views) {
  const dim_t batch = views.local.dim(0), values = views.local.dim(1);
  if (views.global.shape() != views.local.shape() ||
      (views.cached.defined() && (views.cached.rank() != 2 || views.cached.dim(1) != 2 * values)))
    throw ShapeError(message("[contrast] expected views of one shape and cached rows of ", 2 * values, " values, got ",
                             views.local.describe(), " and ", views.global.describe()));
  Tensor local = views.local, global = views.global;
  if (views.cached.defined()) {
    local = concat({local, slice(views.cached, 1, 0, values).contiguous()}, 0);
    global = concat({global, slice(views.cached, 1, values, 2 * values).contiguous()}, 0);
  }
  const dim_t all = local.dim(0);
  if (views.diagonal.rank() != 1 || views.diagonal.dim(0) != all)
    throw ShapeError(message("[contrast] expected ", all, " labels of the diagonal, got ", views.diagonal.describe()));
  const Tensor ahead = head.forward(local);
  Tensor target;
  {
    const NoGradGuard constant;
    target = head.forward(global);
  }
  Contrast result;
  result.logits = matmul(ahead, target, false, true) / views.temperature;
  const auto rows = [&](dim_t first, dim_t end) {
    return softmax_cross_entropy(slice(result.logits, 0, first, end).contiguous(),
                                 slice(views.diagonal, 0, first, end));
  };
  result.loss = all == batch ? rows(0, batch) : rows(0, batch) + rows(batch, all);
  return result;
}

}  // namespace engram
