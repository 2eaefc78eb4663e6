#include "models/nets/executor.h"

#include <algorithm>
#include <cmath>

#include "engine/autograd.h"

namespace engram {
namespace {

std::vector<std::uint64_t> versions(std::initializer_list<Tensor> tensors) {
  std::vector<std::uint64_t> result;
  for (const Tensor& tensor : tensors) result.push_back(tensor.defined() ? tensor.storage().version() : 0);
  return result;
}

bool all_finite(const Tensor& x) {
  const std::vector<float> values = x.to_vector();
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

}  // namespace

Tensor PlainExecutor::conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                              const Tensor& residual) {
  return bn.forward(conv.forward(x), activation, residual);
}

Tensor PlainExecutor::bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) {
  return bn.forward(x, activation);
}

Tensor PlainExecutor::conv(const Conv2d& conv, const Tensor& x, const Tensor& residual) {
  const Tensor y = conv.forward(x);
  return residual.defined() ? y + residual : y;
}

Tensor RecordingExecutor::conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                                  const Tensor& residual) {
  const Tensor y = conv.forward(x);
  inputs_.push_back({&bn, y});
  return bn.forward(y, activation, residual);
}

Tensor RecordingExecutor::bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) {
  inputs_.push_back({&bn, x});
  return bn.forward(x, activation);
}

Tensor MatchingExecutor::match(const BatchNorm2d& bn, const Tensor& x, Activation activation, const Tensor& residual) {
  BnStatsMatch result = bn_stats_match(x, bn.weight, bn.bias, bn.running_mean, bn.running_var,
                                       {.eps = bn.config().eps, .activation = activation, .group = &group_}, residual);
  mismatches_.push_back({&bn, result.var_norm, result.mean_norm});
  return result.y;
}

Tensor MatchingExecutor::conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                                 const Tensor& residual) {
  return match(bn, conv.forward(x), activation, residual);
}

Tensor MatchingExecutor::bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) {
  return match(bn, x, activation, {});
}

const FoldedWeights::Folded& FoldedWeights::get(const Conv2d& conv, const BatchNorm2d& bn) {
  Entry& entry = entries_[&conv];
  std::vector<std::uint64_t> now =
      versions({conv.weight, conv.bias, bn.weight, bn.bias, bn.running_mean, bn.running_var});
  if (entry.versions != now) {
    const NoGradGuard no_grad;
    const Tensor deviation = sqrt(bn.running_var + bn.config().eps);
    const Tensor scale = bn.config().affine ? bn.weight / deviation : pow(deviation, -1);
    const Tensor center = conv.bias.defined() ? bn.running_mean - conv.bias : bn.running_mean;
    const Tensor shift = -(center * scale);
    entry.folded = {conv.weight * reshape(scale, {bn.channels(), 1, 1, 1}),
                    bn.config().affine ? bn.bias + shift : shift};
    entry.versions = std::move(now);
  }
  return entry.folded;
}

Tensor FoldedExecutor::conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                               const Tensor& residual) {
  const FoldedWeights::Folded& folded = weights_.get(conv, bn);
  return conv2d_inference(x, folded.weight, folded.bias, residual, activation == Activation::kRelu, conv.options());
}

Tensor FoldedExecutor::bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) {
  return batch_norm(x, bn.weight, bn.bias, bn.running_mean, bn.running_var,
                    {.training = false, .eps = bn.config().eps, .activation = activation});
}

Tensor FoldedExecutor::conv(const Conv2d& conv, const Tensor& x, const Tensor& residual) {
  return conv2d_inference(x, conv.weight, conv.bias, residual, false, conv.options());
}

Tensor FiniteExecutor::noted(const Module& layer, Tensor y) {
  if (!first_ && !all_finite(y)) first_ = &layer;
  return y;
}

Tensor FiniteExecutor::conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                               const Tensor& residual) {
  noted(conv, conv.forward(x));
  return noted(bn, FoldedExecutor::conv_bn(conv, bn, x, activation, residual));
}

Tensor FiniteExecutor::bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) {
  return noted(bn, FoldedExecutor::bn(bn, x, activation));
}

Tensor FiniteExecutor::conv(const Conv2d& conv, const Tensor& x, const Tensor& residual) {
  return noted(conv, FoldedExecutor::conv(conv, x, residual));
}

}  // namespace engram
