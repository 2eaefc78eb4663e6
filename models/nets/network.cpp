#include "models/nets/network.h"

#include <algorithm>
#include <unordered_map>

#include "engine/autograd.h"

namespace engram {

Network::Network(NetworkSpec spec, std::vector<TapSpec> taps, Device device)
    : spec_(std::move(spec)), taps_(std::move(taps)), device_(device) {}

void Network::check_input(const char* op, const Tensor& x) const {
  const ImageShape& image = spec_.image;
  if (x.rank() != 4 || x.dim(1) != image.channels || x.dim(2) != image.height || x.dim(3) != image.width)
    throw ShapeError(message("[", op, "] expected images [N,", image.channels, ",", image.height, ",", image.width,
                             "] for ", arch(), ", got ", x.describe()));
}

Tensor Network::forward(const Tensor& x) {
  check_input("forward", x);
  PlainExecutor executor;
  return head(body(executor, x, nullptr, false), is_training());
}

Features Network::forward_features(const Tensor& x) {
  check_input("forward_features", x);
  PlainExecutor executor;
  Features result;
  result.logits = head(body(executor, x, &result.taps, false), is_training());
  return result;
}

BnMatching Network::forward_with_bn_matching(const Tensor& x) {
  check_input("forward_with_bn_matching", x);
  const std::vector<NamedModule> modules = named_modules();
  MatchingExecutor executor(dim_t(modules.size()), x.device());
  BnMatching result;
  result.logits = head(body(executor, x, nullptr, false), false);
  const BnStatsMatchGroup::Sums sums = executor.finish();
  result.var_norm_sum = sums.var_norm;
  result.mean_norm_sum = sums.mean_norm;

  // A fused residual unit runs its shortcut before its last normalisation; the order of declaration is the reference's.
  std::unordered_map<const Module*, const BnMismatch*> by_layer;
  for (const BnMismatch& mismatch : executor.mismatches()) by_layer[mismatch.layer] = &mismatch;
  for (const NamedModule& named : modules)
    if (const auto found = by_layer.find(named.module); found != by_layer.end())
      result.layers.push_back({named.name, found->second->var_norm, found->second->mean_norm});
  return result;
}

void Network::to(const Device& device) {
  Module::to(device);
  folded_.clear();
  device_ = device;
}

Tensor Network::logits_inference(const Tensor& x) {
  check_input("logits_inference", x);
  NoGradGuard no_grad;
  FoldedExecutor executor(folded_);
  return head(body(executor, x.detach(), nullptr, false), false);
}

std::string Network::first_layer_not_finite(const Tensor& x) {
  check_input("first_layer_not_finite", x);
  NoGradGuard no_grad;
  FiniteExecutor executor(folded_);
  body(executor, x.detach(), nullptr, false);
  std::string name;
  for (const NamedModule& named : named_modules()) {
    if (named.module == executor.first_not_finite()) return named.name;
    if (dynamic_cast<const Linear*>(named.module)) name = named.name;
  }
  return name;
}

std::vector<Tensor> Network::features_inference(const Tensor& x) {
  check_input("features_inference", x);
  NoGradGuard no_grad;
  FoldedExecutor executor(folded_);
  std::vector<Tensor> taps;
  body(executor, x.detach(), &taps, true);
  return taps;
}

}  // namespace engram
