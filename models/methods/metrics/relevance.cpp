#include "models/methods/metrics/relevance.h"

#include <cmath>

#include "engine/autograd.h"
#include "models/methods/metrics/relevance_executor.h"

namespace engram {
namespace {

constexpr float kEpsilon = 1e-9f;

/// The linear layers from the pooled vector to the logits, rectified in between.
std::vector<const Linear*> head_of(Network& network, const Tensor& pooled) {
  std::vector<const Linear*> head;
  for (const NamedModule& named : network.named_modules())
    if (const auto* linear = dynamic_cast<const Linear*>(named.module)) head.push_back(linear);
  dim_t width = pooled.dim(1);
  bool chain = !head.empty() && head.back()->weight.dim(0) == network.num_classes();
  for (const Linear* linear : head) {
    chain = chain && linear->weight.dim(1) == width;
    width = linear->weight.dim(0);
  }
  if (!chain)
    throw UsageError(message(
        "[relevance_maps] expected a network whose head is linear layers on the pooled vector, got ", network.arch()));
  return head;
}

/// What each linear layer of the head takes, and the logits.
struct HeadPass {
  std::vector<Tensor> inputs;
  Tensor logits;
};

HeadPass run_head(const std::vector<const Linear*>& head, const Tensor& pooled) {
  HeadPass pass;
  Tensor h = pooled;
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (i > 0) h = relu(h);
    pass.inputs.push_back(h);
    h = linear(h, head[i]->weight, head[i]->bias);
  }
  pass.logits = h;
  return pass;
}

/// Relevance over value of the pooled vector, from the relevance of the logits, by z+.
Tensor through_head(const std::vector<const Linear*>& head, const HeadPass& pass, Tensor relevance) {
  Tensor quotient;
  for (std::size_t i = head.size(); i-- > 0;) {
    // The positive ones among the products of inputs and weights.
    const Tensor weight = head[i]->weight.detach(), up = relu(weight), h = pass.inputs[i], positive = relu(h);
    const Tensor z = add(matmul(positive, up, false, true), matmul(sub(h, positive), sub(weight, up), false, true));
    const Tensor share = div(relevance, add(z, kEpsilon));
    const Tensor is_positive = greater(h, Tensor::scalar(0, h.device()));
    const Tensor from_up = matmul(share, up), from_down = matmul(share, sub(weight, up));
    quotient = add(from_down, mul(is_positive, sub(from_up, from_down)));
    relevance = mul(quotient, h);
  }
  return quotient;
}

/// A pass through a network, from which relevances of any start follow.
class Propagation {
 public:
  Propagation(Network& network, const Tensor& x, const Normalization& normalization, const ChannelRange& range)
      : executor_(x, normalization) {
    const Features features = network.forward_through(executor_, x, {.logits = false, .taps = true, .pooled = true});
    if (!executor_.entered())
      throw UsageError(
          message("[relevance_maps] expected a network whose pixels enter by a convolution, got ", network.arch()));
    tap_ = features.taps.back();
    pooled_ = features.pooled;
    mask_ = reshape(channel_mask(range, tap_.dim(1), x.device()), {1, tap_.dim(1), 1, 1});
    const NoGradGuard no_grad;
    head_ = head_of(network, pooled_);
    pass_ = run_head(head_, pooled_.detach());
  }

  const Tensor& logits() const { return pass_.logits; }

  /// [n,h,w] from the relevance of the logits.
  Tensor maps(const Tensor& start) const {
    Tensor at_pooled, at_tap;
    {
      const NoGradGuard no_grad;
      at_pooled = through_head(head_, pass_, start);
    }
    at_tap = grad({pooled_}, {tap_}, {.retain_graph = true, .grad_outputs = {at_pooled}})[0];
    {
      const NoGradGuard no_grad;
      at_tap = mul(at_tap, mask_);
    }
    const auto gradients = grad({tap_}, executor_.leaves(), {.retain_graph = true, .grad_outputs = {at_tap}});
    const NoGradGuard no_grad;
    return sum(executor_.relevance(gradients), {1});
  }

 private:
  RelevanceExecutor executor_;
  Tensor tap_, pooled_, mask_;
  std::vector<const Linear*> head_;
  HeadPass pass_;
};

/// [n,1,1].
Tensor sums_of(const Tensor& maps) {
  return sum(maps, {1, 2}, true);
}

}  // namespace

Tensor relevance_maps(Network& network, const Tensor& x, const std::vector<std::int32_t>& classes,
                      const Normalization& normalization, const RelevanceOptions& options) {
  if (x.rank() != 4 || dim_t(classes.size()) != x.dim(0))
    throw ShapeError(message("[relevance_maps] expected a class for each of the images, got ", classes.size(), " for ",
                             x.describe()));
  for (const std::int32_t c : classes)
    if (c < 0 || c >= network.num_classes())
      throw DataError(message("[relevance_maps] expected a class in [0,", network.num_classes(), "), got ", c));
  const Tensor images = x.detach().contiguous();
  const Propagation propagation(network, images, normalization, options.channels);
  Tensor of_class, of_others;
  {
    const NoGradGuard no_grad;
    const Tensor chosen = one_hot(Tensor::from(classes, {x.dim(0)}, x.device()), network.num_classes());
    const Tensor start = options.start == RelevanceStart::kLogit ? propagation.logits() : softmax(propagation.logits());
    of_class = mul(start, chosen);
    of_others = sub(start, of_class);
  }
  const Tensor maps = propagation.maps(of_class);
  if (options.start == RelevanceStart::kLogit) return maps;
  const Tensor others = propagation.maps(of_others);
  const NoGradGuard no_grad;
  const Tensor scale = div(sums_of(maps), add(sums_of(others), kEpsilon));
  return relu(sub(maps, mul(others, scale)));
}

}  // namespace engram
