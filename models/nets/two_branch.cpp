#include "models/nets/two_branch.h"

#include "engine/autograd.h"
#include "models/nets/make_network.h"
#include "models/nets/network_registry.h"

namespace engram {
namespace {

/// Values of a network's pooled vector.
dim_t pooled_width(Network& network) {
  const NoGradGuard no_grad;
  const bool training = network.is_training();
  network.eval();
  const ImageShape& image = network.image();
  const Tensor x = Tensor::zeros({1, image.channels, image.height, image.width}, network.device());
  const dim_t width = network.forward(x, {.logits = false, .pooled = true}).pooled.dim(1);
  network.train(training);
  return width;
}

std::unique_ptr<Network> bare_body(const NetworkSpec& spec, const TwoBranchConfig& config, dim_t outputs,
                                   Device device) {
  return make_network(config.body, int(outputs), {.seed = std::nullopt, .device = device, .image = spec.image});
}

/// The settings with the width that they stand for.
TwoBranchConfig checked(const NetworkSpec& spec, TwoBranchConfig config, Device device) {
  if (config.contexts < 2 || config.contexts > 65536)
    throw UsageError(message("[two-branch] expected 2 to 65536 contexts, got ", config.contexts));
  if (config.width < 0 || config.width > 65536)
    throw UsageError(message("[two-branch] expected a width of 0 to 65536, got ", config.width));
  if (config.width == 0) config.width = pooled_width(*bare_body(spec, config, 1, device));
  return config;
}

/// The network's head where it is one linear layer on the pooled vector. Throws UsageError otherwise.
const Linear& only_head(Network& network, dim_t pooled) {
  const Linear* head = nullptr;
  for (const NamedModule& named : network.named_modules())
    if (const auto* linear = dynamic_cast<const Linear*>(named.module)) head = linear;
  if (!head || head->weight.dim(1) != pooled)
    throw UsageError(message("[two-branch] expected a body whose head is one linear layer, got ", network.arch(),
                             " (linear: true puts one on top of any head)"));
  return *head;
}

}  // namespace

TwoBranchNetwork::TwoBranchNetwork(NetworkSpec spec, const TwoBranchConfig& config, Device device)
    : Network(spec, {}, device),
      config_(checked(spec, config, device)),
      body_(bare_body(spec, config_, config_.width, device)),
      own_category_branch_(config.linear ? std::make_unique<Linear>(config_.width, config_.width, device) : nullptr),
      category_branch_(own_category_branch_.get()),
      category_head_(config_.width, spec.num_classes, device),
      context_branch_(config.linear ? config_.width : pooled_width(*body_), config_.width, device),
      context_head_(config_.width, config_.contexts, device),
      classification_(2 * config_.width, spec.num_classes, device) {
  if (!config.linear) category_branch_ = &only_head(*body_, context_branch_.weight.dim(1));
  register_child("encoder", *body_);
  if (own_category_branch_) register_child("category_branch", *own_category_branch_);
  register_child("fc0", category_head_);
  register_child("concept_branch", context_branch_);
  register_child("fcc0", context_head_);
  register_child("classification", classification_);
}

Tensor TwoBranchNetwork::stage(Executor&, int, const Tensor& x, PreActivation*) {
  return x;
}

Tensor TwoBranchNetwork::neck(Executor& executor, const Tensor& x) {
  return pooled_of(*body_, executor, x);
}

TwoBranchNetwork::Branch TwoBranchNetwork::run_branch(const Layers& layers, const Tensor& before,
                                                      const Tensor& z) const {
  const Tensor h = before.defined() ? before : layers.branch.forward(z);
  const Tensor features = config_.activation == BranchActivation::kTanh   ? tanh(h)
                          : config_.activation == BranchActivation::kRelu ? relu(h)
                                                                          : h;
  return {features, layers.head.forward(features)};
}

TwoBranchNetwork::Branches TwoBranchNetwork::branches(const Tensor& pooled, bool training) {
  const Tensor headed = body_->logits_from_pooled(pooled, training);
  const Tensor z = config_.linear ? headed : pooled;
  return {z, run_branch(category(), config_.linear ? Tensor() : headed, z), run_branch(context(), {}, z)};
}

Tensor TwoBranchNetwork::classify(const Tensor& pooled, bool training) {
  const Branches all = branches(pooled, training);
  return fused(concat({all.category.features, all.context.features}, 1));
}

namespace {

struct TwoBranchSettings {
  TwoBranchConfig config;
  std::string branch = "affine";
};

Settings two_branch_settings(TwoBranchSettings& s) {
  return {{"body", &s.config.body, "the network below"},
          {"contexts", &s.config.contexts, "number of contexts"},
          {"width", &s.config.width, "values of a branch's features; 0: as the body's pooled vector"},
          {"linear", &s.config.linear, "a linear layer of `width` values between body and branches"},
          {"branch", &s.branch, "affine, or tanh or relu behind each branch's linear layer"}};
}

BranchActivation branch_activation(const NetworkSpec& spec, const std::string& name) {
  if (name == "affine") return BranchActivation::kNone;
  if (name == "tanh") return BranchActivation::kTanh;
  if (name == "relu") return BranchActivation::kRelu;
  throw UsageError(message("[", spec.arch, "] expected the branch affine, tanh or relu, got '", name, "'"));
}

}  // namespace

void add_two_branch(NetworkRegistry& registry) {
  registry.add<TwoBranchSettings>("two-branch", "DecAug's: branches for category and context on another network", {},
                                  two_branch_settings,
                                  [](const TwoBranchSettings& s, const NetworkSpec& spec, const Device& device) {
                                    TwoBranchConfig config = s.config;
                                    config.activation = branch_activation(spec, s.branch);
                                    return std::make_unique<TwoBranchNetwork>(spec, config, device);
                                  });
}

}  // namespace engram
