#include "models/nets/context_network.h"

#include "models/nets/make_network.h"
#include "models/nets/network_registry.h"

namespace engram {
namespace {

constexpr dim_t kHidden = 64;

Conv2dConfig conv5x5(dim_t in, dim_t out) {
  return {.in_channels = in, .out_channels = out, .kernel = 5, .padding = 2, .bias = true};
}

std::unique_ptr<Network> make_body(const NetworkSpec& spec, const std::string& body, Device device) {
  ImageShape image = spec.image;
  ++image.channels;
  return make_network(body, spec.num_classes, {.seed = std::nullopt, .device = device, .image = image});
}

}  // namespace

ContextNet::ContextNet(dim_t channels, Device device)
    : conv1_(conv5x5(channels, kHidden), device),
      bn1_(kHidden, device),
      conv2_(conv5x5(kHidden, kHidden), device),
      bn2_(kHidden, device),
      conv3_(conv5x5(kHidden, 1), device) {
  register_child("context_net.0", conv1_);
  register_child("context_net.1", bn1_);
  register_child("context_net.3", conv2_);
  register_child("context_net.4", bn2_);
  register_child("context_net.6", conv3_);
}

Tensor ContextNet::forward(Executor& executor, const Tensor& x) const {
  const Tensor h = executor.conv_bn(conv1_, bn1_, x, Activation::kRelu);
  return executor.conv(conv3_, executor.conv_bn(conv2_, bn2_, h, Activation::kRelu));
}

ContextNetwork::ContextNetwork(NetworkSpec spec, const std::string& body, dim_t support, Device device)
    : Network(spec, {}, device),
      support_(support),
      context_net_(spec.image.channels, device),
      body_(make_body(spec, body, device)) {
  if (support < 1) throw UsageError(message("[arm] expected a support of at least 1 image, got ", support));
  register_child("context_net", context_net_);
  register_child("body", *body_);
}

Tensor ContextNetwork::stage(Executor&, int, const Tensor& x, PreActivation*) {
  return x;
}

Tensor ContextNetwork::neck(Executor& executor, const Tensor& x) {
  const dim_t count = x.dim(0), support = count % support_ == 0 ? support_ : count;
  const Tensor maps = context_net_.forward(executor, x).contiguous();
  const Shape blocks = {count / support, support, 1, x.dim(2), x.dim(3)};
  const Tensor context = reshape(expand(mean(reshape(maps, blocks), {1}, true), blocks).contiguous(), maps.shape());
  return pooled_of(*body_, executor, concat({x.contiguous(), context}, 1));
}

Tensor ContextNetwork::classify(const Tensor& pooled, bool training) {
  return body_->logits_from_pooled(pooled, training);
}

namespace {

struct ContextSettings {
  std::string body = "resnet18";
  dim_t support = 8;
};
Settings context_settings(ContextSettings& s) {
  return {{"body", &s.body, "the network that sees images and context"},
          {"support", &s.support, "consecutive images of a batch that share a context"}};
}

}  // namespace

void add_context_networks(NetworkRegistry& registry) {
  registry.add<ContextSettings>("context", "ARM's: another network with a map of the batch beside each image", {},
                                context_settings,
                                [](const ContextSettings& s, const NetworkSpec& spec, const Device& device) {
                                  return std::make_unique<ContextNetwork>(spec, s.body, s.support, device);
                                });
}

}  // namespace engram
