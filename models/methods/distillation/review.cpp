#include "models/methods/distillation/review.h"

#include <cmath>

namespace engram {
namespace {

/// kaiming_uniform with a = 1.
Init kaiming(const Conv2dConfig& config) {
  const float bound = float(std::sqrt(3.0 / double(Conv2d::fan_in(config))));
  return Init::uniform(-bound, bound);
}

Conv2dConfig square_conv(dim_t in, dim_t out, dim_t kernel) {
  return {.in_channels = in, .out_channels = out, .kernel = kernel, .padding = kernel / 2};
}

}  // namespace

ReviewFusion::ReviewFusion(dim_t in, dim_t middle, dim_t out, bool fuse, Device device)
    : conv1_(square_conv(in, middle, 1), kaiming(square_conv(in, middle, 1)), {}, device),
      norm1_(middle, device),
      conv2_(square_conv(middle, out, 3), kaiming(square_conv(middle, out, 3)), {}, device),
      norm2_(out, device) {
  register_child("conv1.0", conv1_);
  register_child("conv1.1", norm1_);
  register_child("conv2.0", conv2_);
  register_child("conv2.1", norm2_);
  if (!fuse) return;
  Conv2dConfig config = square_conv(2 * middle, 2, 1);
  config.bias = true;
  attention_ = std::make_unique<Conv2d>(config, device);
  register_child("att_conv.0", *attention_);
}

ReviewFusion::Result ReviewFusion::forward(const Tensor& x, const Tensor& residual, dim_t size, dim_t out_size) const {
  Tensor h = norm1_.forward(conv1_.forward(x));
  if (attention_) {
    const Tensor deeper = nearest_resize(residual, size);
    const Tensor weights = sigmoid(attention_->forward(concat({h, deeper}, 1)));
    h = h * slice(weights, 1, 0, 1) + deeper * slice(weights, 1, 1, 2);
  }
  if (h.dim(2) != out_size) h = nearest_resize(h, out_size);
  return {norm2_.forward(conv2_.forward(h)), h};
}

Tensor nearest_resize(const Tensor& x, dim_t size) {
  const dim_t height = x.dim(2), width = x.dim(3);
  if (height == size && width == size) return x;
  if (height == width && size % height == 0) return upsample_nearest(x, size / height);
  const auto chosen = [&](const Tensor& from, int axis, dim_t extent) {
    std::vector<Tensor> parts;
    for (dim_t i = 0; i < size; ++i) {
      const dim_t source = i * extent / size;
      parts.push_back(slice(from, axis, source, source + 1));
    }
    return concat(parts, axis);
  };
  return chosen(chosen(x, 2, height), 3, width);
}

Tensor context_distance(const Tensor& a, const Tensor& b) {
  Tensor total = mse(a, b);
  double weight = 1, weights = 1;
  for (const dim_t parts : {4, 2, 1}) {
    if (parts >= a.dim(2)) continue;
    weight /= 2;
    weights += weight;
    total = total + float(weight) * mse(adaptive_avg_pool2d(a, parts, parts), adaptive_avg_pool2d(b, parts, parts));
  }
  return total * float(1 / weights);
}

}  // namespace engram
