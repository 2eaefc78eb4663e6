#include "models/methods/metrics/grad_cam.h"

#include "engine/autograd.h"

namespace engram {

Tensor grad_cam(const Tensor& logits, const Tensor& map, const std::vector<std::int32_t>& classes,
                const ChannelRange& channels, bool create_graph) {
  if (logits.rank() != 2 || dim_t(classes.size()) != logits.dim(0))
    throw ShapeError(message("[grad_cam] expected a class for each of the images, got ", classes.size(), " for ",
                             logits.describe()));
  for (const std::int32_t c : classes)
    if (c < 0 || c >= logits.dim(1))
      throw DataError(message("[grad_cam] expected a class in [0,", logits.dim(1), "), got ", c));
  const Tensor chosen = one_hot(Tensor::from(classes, {logits.dim(0)}, logits.device()), logits.dim(1));
  const Tensor gradient =
      grad({sum(mul(logits, chosen))}, {map}, {.create_graph = create_graph, .retain_graph = true})[0];
  const Tensor mask = reshape(channel_mask(channels, map.dim(1), map.device()), {1, map.dim(1), 1, 1});
  const Tensor weights = mul(reshape(global_avg_pool(gradient), {map.dim(0), map.dim(1), 1, 1}), mask);
  return relu(sum(mul(map, weights), {1}));
}

Tensor grad_cam(Network& network, const Tensor& x, const std::vector<std::int32_t>& classes,
                const ChannelRange& channels, bool create_graph) {
  // The map needs a history even where neither pixels nor parameters ask for gradients.
  Tensor pixels = x;
  if (!x.requires_grad()) pixels = x.detach().set_requires_grad();
  const Features features = network.forward(pixels, {.taps = true});
  const Tensor maps = grad_cam(features.logits, features.taps.back(), classes, channels, create_graph);
  return create_graph ? maps : maps.detach();
}

}  // namespace engram
