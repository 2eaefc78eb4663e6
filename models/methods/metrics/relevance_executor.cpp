#include "models/methods/metrics/relevance_executor.h"

#include "engine/autograd.h"

namespace engram {
namespace {

/// Keeps quotients finite; relevance over a smaller value is lost.
constexpr float kStabiliser = 1e-9f;

Tensor activated(const Tensor& x, Activation activation) {
  return activation == Activation::kNone ? x : relu(x);
}

/// a / b with b away from 0, its sign kept.
Tensor stable_quotient(const Tensor& a, const Tensor& b) {
  const Tensor zero = Tensor::scalar(0, b.device());
  const Tensor negative = greater(zero, b);
  return div(a, add(b, add(mul(negative, -2 * kStabiliser), kStabiliser)));
}

/// The value of `value`, and the gradient of `path`.
Tensor with_value(const Tensor& value, const Tensor& path) {
  return add(sub(path, path.detach()), value.detach());
}

/// Shares of two summands u and r in their relevance, over u and over r.
struct Shares {
  Tensor of_u, of_r;
};

Shares residual_shares(const Tensor& u, const Tensor& r, const Tensor& y) {
  const Tensor positive = add(relu(u), relu(r));
  const Tensor none = equal(positive, Tensor::scalar(0, y.device()));
  const Tensor weight_u = add(relu(u), mul(none, abs(u))), weight_r = add(relu(r), mul(none, abs(r)));
  const Tensor scale = div(y, add(add(weight_u, weight_r), kStabiliser));
  return {mul(scale, weight_u), stable_quotient(mul(scale, weight_r), r)};
}

Tensor constant_image(const Tensor& like, const Normalization& normalization, float byte_share) {
  std::vector<float> values;
  for (std::size_t c = 0; c < normalization.mean.size(); ++c)
    values.push_back((byte_share - normalization.mean[c]) / normalization.std[c]);
  const dim_t channels = dim_t(values.size());
  if (channels != like.dim(1))
    throw ShapeError(message("[relevance_maps] expected constants of ", like.dim(1), " channels, got ", channels));
  return expand(reshape(Tensor::from(values, {channels}, like.device()), {1, channels, 1, 1}), like.shape())
      .contiguous();
}

}  // namespace

RelevanceExecutor::RelevanceExecutor(const Tensor& images, const Normalization& normalization)
    : input_(images),
      image_(images.detach().clone()),
      low_(constant_image(images, normalization, 0)),
      high_(constant_image(images, normalization, 1)) {
  for (Tensor* leaf : {&image_, &low_, &high_}) leaf->set_requires_grad();
}

Tensor RelevanceExecutor::relevance(const std::vector<Tensor>& gradients) const {
  const NoGradGuard no_grad;
  Tensor sum = Tensor::zeros(image_.shape(), image_.device());
  const std::vector<Tensor> at = leaves();
  for (std::size_t i = 0; i < at.size(); ++i)
    if (gradients[i].defined()) sum = add(sum, mul(at[i].detach(), gradients[i]));
  return sum;
}

/// The box rule: z = x w - low w+ - high w-.
Tensor RelevanceExecutor::entering(const Tensor& weight, const Tensor& value, const Conv2dOptions& options) {
  entered_ = true;
  const Tensor up = relu(weight), down = sub(weight, up);
  const Tensor z =
      sub(sub(conv2d(image_, weight, {}, options), conv2d(low_, up, {}, options)), conv2d(high_, down, {}, options));
  return mul(z, div(value, add(z.detach(), kStabiliser)).detach());
}

/// The positive ones among the products that a convolution adds up.
Tensor RelevanceExecutor::positive_contributions(const Tensor& weight, const Conv2dOptions& options, const Tensor& x) {
  const Tensor up = relu(weight);
  if (min(x.detach()).item() >= 0) return conv2d(x, up, {}, options);
  const Tensor positive = relu(x);
  return add(conv2d(positive, up, {}, options), conv2d(sub(x, positive), sub(weight, up), {}, options));
}

Tensor RelevanceExecutor::convolved(const Tensor& weight, const Tensor& bias, const Conv2dOptions& options,
                                    const Tensor& x, Activation activation, const Tensor& residual) {
  const bool pixels = x.impl() == input_.impl();
  Tensor u, y;
  Shares shares;
  {
    const NoGradGuard no_grad;
    u = conv2d(x.detach(), weight, bias, options);
    y = activated(residual.defined() ? add(u, residual.detach()) : u, activation);
    shares = residual.defined() ? residual_shares(u, residual.detach(), y) : Shares{y, {}};
  }
  Tensor path;
  if (pixels) {
    path = entering(weight, shares.of_u, options);
  } else {
    const Tensor z = positive_contributions(weight, options, x);
    path = mul(z, div(shares.of_u, add(z.detach(), kStabiliser)).detach());
  }
  if (residual.defined()) path = add(path, mul(residual, shares.of_r));
  return with_value(y, path);
}

Tensor RelevanceExecutor::conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                                  const Tensor& residual) {
  const FoldedWeights::Folded folded = folded_.get(conv, bn);
  return convolved(folded.weight.detach(), folded.bias.detach(), conv.options(), x, activation, residual);
}

Tensor RelevanceExecutor::conv(const Conv2d& conv, const Tensor& x, const Tensor& residual) {
  return convolved(conv.weight.detach(), conv.bias.defined() ? conv.bias.detach() : Tensor(), conv.options(), x,
                   Activation::kNone, residual);
}

/// One value to one value: all its relevance passes.
Tensor RelevanceExecutor::bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) {
  Tensor y;
  {
    const NoGradGuard no_grad;
    y = batch_norm(x.detach(), bn.weight, bn.bias, bn.running_mean, bn.running_var,
                   {.training = false, .eps = bn.config().eps, .activation = activation});
  }
  return with_value(y, mul(x, stable_quotient(y, x.detach())));
}

}  // namespace engram
