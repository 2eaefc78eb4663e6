#include "models/methods/metrics/attention_attack.h"

#include <algorithm>
#include <cmath>

#include "engine/autograd.h"
#include "models/methods/metrics/grad_cam.h"
#include "models/nets/finite_outputs.h"

namespace engram {
namespace {

void check(const Tensor& image, const Normalization& normalization, const AttentionAttackOptions& o) {
  if (!(o.rate > 0) || !(o.distance > 0) || !(o.bound > 0) || o.most_steps < 1 || !(o.label_weight >= 0))
    throw UsageError(message("[attack_attention] expected positive rate, distance, bound and steps, got ", o.rate, ", ",
                             o.distance, ", ", o.bound, " and ", o.most_steps));
  if (image.rank() != 3 || image.dim(0) != dim_t(normalization.mean.size()))
    throw ShapeError(message("[attack_attention] expected an image of ", normalization.mean.size(), " channels, got ",
                             image.describe()));
}

/// The loss at an image and its gradient: of the terms that have a slope, as the logarithm of an empty map has none.
struct Point {
  bool both_maps = false;  ///< none of the maps is empty
  double loss = 0;
  std::vector<float> gradient;
};

class Attack {
 public:
  Attack(Network& network, const Normalization& normalization, const AttentionAttackOptions& options)
      : network_(network), normalization_(normalization), options_(options) {}

  /// Classes in descending order of their logits.
  std::vector<std::int32_t> ranking(const std::vector<float>& pixels, const Shape& shape) const {
    const NoGradGuard no_grad;
    const Tensor x = normalized_images(on_device(pixels, shape), normalization_);
    const std::vector<float> logits = network_.logits_inference(x).to_vector();
    check_finite_outputs("attack_attention", "logits", network_, x, logits);
    std::vector<std::int32_t> order(logits.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = std::int32_t(i);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return logits[a] > logits[b]; });
    return order;
  }

  Point at(const std::vector<float>& pixels, const Shape& shape, std::int32_t seen, std::int32_t second) const {
    Tensor x = on_device(pixels, shape).set_requires_grad();
    const Features features = network_.forward(normalized_images(x, normalization_), {.taps = true});
    const auto strength = [&](std::int32_t label) {
      return sum(grad_cam(features.logits, features.taps.back(), {label}, {}, true));
    };
    const Tensor of_seen = strength(seen), of_second = strength(second);
    const bool has_seen = of_seen.item() > 0, has_second = of_second.item() > 0;
    const Tensor label = Tensor::from(std::vector<std::int32_t>{seen}, {1}, x.device());
    const Tensor entropy = mul(softmax_cross_entropy(features.logits, label), float(options_.label_weight));
    Tensor loss = neg(entropy);
    if (has_seen && has_second)
      loss = sub(sub(log(of_seen), log(of_second)), entropy);
    else if (has_seen)
      loss = sub(log(of_seen), entropy);
    else if (has_second)
      loss = neg(add(log(of_second), entropy));
    return {has_seen && has_second, loss.item(), grad({loss}, {x})[0].to_vector()};
  }

 private:
  Tensor on_device(const std::vector<float>& pixels, const Shape& shape) const {
    return Tensor::from(pixels, {1, shape[0], shape[1], shape[2]}, network_.device());
  }

  Network& network_;
  const Normalization& normalization_;
  const AttentionAttackOptions& options_;
};

double distance_of(const std::vector<float>& a, const std::vector<float>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += double(a[i] - b[i]) * double(a[i] - b[i]);
  return std::sqrt(squares / double(a.size()));
}

/// One step against the gradient, of `rate` grey levels in the mean. False where there is no slope.
bool take_step(std::vector<float>& pixels, const std::vector<float>& original, const std::vector<float>& gradient,
               const AttentionAttackOptions& options) {
  double size = 0;
  for (const float g : gradient) size += std::abs(double(g));
  if (!(size > 0) || !std::isfinite(size)) return false;
  const double scale = options.rate * double(gradient.size()) / size;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const double low = std::max(0.0, original[i] - options.bound), high = std::min(255.0, original[i] + options.bound);
    pixels[i] = float(std::clamp(pixels[i] - scale * gradient[i], low, high));
  }
  return true;
}

}  // namespace

AttentionAttack attack_attention(Network& network, const Tensor& image, const Normalization& normalization,
                                 const AttentionAttackOptions& options) {
  check(image, normalization, options);
  const std::vector<float> original = image.detach().to_vector();
  const Attack attack(network, normalization, options);
  std::vector<float> pixels = original;
  const auto order = attack.ranking(pixels, image.shape());
  if (order.size() < 2) throw UsageError("[attack_attention] expected a network of two or more classes, got one");
  AttentionAttack result;
  result.seen = order[0];
  result.second = order[1];
  while (result.steps < options.most_steps && result.distance <= options.distance) {
    const Point point = attack.at(pixels, image.shape(), result.seen, result.second);
    if (!point.both_maps && result.steps == 0)
      throw DataError(message("[attack_attention] expected maps of classes ", result.seen, " and ", result.second,
                              " that are not empty, got an empty one, whose logarithm has no slope"));
    if (!take_step(pixels, original, point.gradient, options)) break;
    result.losses.push_back(point.loss);
    ++result.steps;
    result.distance = distance_of(pixels, original);
  }
  result.seen_after = attack.ranking(pixels, image.shape())[0];
  result.image = Tensor::from(pixels, image.shape());
  return result;
}

}  // namespace engram
