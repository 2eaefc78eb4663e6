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

void Network::check_stages(const char* op, int stages) const {
  if (stages < 1 || stages > int(taps_.size()))
    throw UsageError(message("[", op, "] expected 1 to ", taps_.size(), " stages of ", arch(), ", got ", stages));
}

void Network::check_map(const char* op, const Tensor& map, int stages) const {
  const TapSpec& tap = taps_[std::size_t(stages - 1)];
  if (map.rank() != 4 || map.dim(1) != tap.channels || map.dim(2) != tap.height || map.dim(3) != tap.width)
    throw ShapeError(message("[", op, "] expected the map [N,", tap.channels, ",", tap.height, ",", tap.width,
                             "] of stage ", stages, " of ", arch(), ", got ", map.describe()));
}

Tensor Network::close(Executor&, const Tensor& x, PreActivation*) {
  return x;
}

Tensor Network::neck(Executor&, const Tensor& x) {
  return x;
}

Tensor Network::pool(const Tensor& x) {
  return global_avg_pool(x);
}

Features Network::run(Executor& executor, int first, Tensor x, const FeatureRequest& request, bool training) {
  Features result;
  for (int s = first; s < int(taps_.size()); ++s) {
    PreActivation before, *wanted = request.pre_activations ? &before : nullptr;
    x = stage(executor, s, x, wanted);
    if (request.sums) result.sums.push_back(x);
    if (s + 1 == int(taps_.size())) x = close(executor, x, wanted);
    if (request.pre_activations) result.pre_activations.push_back(std::move(before));
    if (request.taps) result.taps.push_back(x);
  }
  if (!request.logits && !request.pooled && !request.bn_inputs) return result;
  const Tensor pooled = pool(neck(executor, x));
  if (request.pooled) result.pooled = pooled;
  if (request.logits) result.logits = classify(pooled, training);
  return result;
}

Tensor Network::pooled_of(Network& body, Executor& executor, const Tensor& x) {
  body.check_input("forward", x);
  return body.run(executor, 0, x, {.logits = false, .pooled = true}, false).pooled;
}

Features Network::run_recorded(int first, const Tensor& x, const FeatureRequest& request) {
  if (!request.bn_inputs) {
    PlainExecutor executor;
    return run(executor, first, x, request, is_training());
  }
  RecordingExecutor executor;
  Features result = run(executor, first, x, request, is_training());
  std::unordered_map<const Module*, Tensor> inputs;
  for (const RecordingExecutor::Input& input : executor.inputs()) inputs.emplace(input.layer, input.x);
  for (const NamedModule& named : named_modules())
    if (const auto found = inputs.find(named.module); found != inputs.end())
      result.bn_inputs.push_back({named.name, static_cast<const BatchNorm2d*>(named.module), found->second});
  return result;
}

Tensor Network::forward(const Tensor& x) {
  check_input("forward", x);
  return run_recorded(0, x, {}).logits;
}

Features Network::forward(const Tensor& x, const FeatureRequest& request) {
  check_input("forward", x);
  return run_recorded(0, x, request);
}

Features Network::forward_through(Executor& executor, const Tensor& x, const FeatureRequest& request) {
  check_input("forward_through", x);
  if (request.bn_inputs)
    throw UsageError("[forward_through] expected a request without the inputs of batch normalisations");
  return run(executor, 0, x, request, false);
}

Tensor Network::forward_stages(const Tensor& x, int first, int last) {
  check_stages("forward_stages", last);
  if (first < 0 || first >= last)
    throw UsageError(message("[forward_stages] expected a first stage of 0 to ", last - 1, ", got ", first));
  if (first == 0)
    check_input("forward_stages", x);
  else
    check_map("forward_stages", x, first);
  PlainExecutor executor;
  Tensor h = x;
  for (int s = first; s < last; ++s) h = stage(executor, s, h, nullptr);
  return last == int(taps_.size()) ? close(executor, h, nullptr) : h;
}

Features Network::forward_from(const Tensor& trunk, int stages, const FeatureRequest& request) {
  check_stages("forward_from", stages);
  check_map("forward_from", trunk, stages);
  return run_recorded(stages, trunk, request);
}

BnMatching Network::forward_with_bn_matching(const Tensor& x) {
  check_input("forward_with_bn_matching", x);
  const std::vector<NamedModule> modules = named_modules();
  MatchingExecutor executor(dim_t(modules.size()), x.device());
  BnMatching result;
  result.logits = run(executor, 0, x, {}, false).logits;
  if (executor.mismatches().empty())
    throw UsageError(message("[forward_with_bn_matching] expected a network with batch normalisation, got ", arch()));
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

Features Network::inference(const Tensor& x, const FeatureRequest& request) {
  check_input("inference", x);
  if (request.bn_inputs)
    throw UsageError("[inference] expected a request without the inputs of batch normalisations, which are folded");
  NoGradGuard no_grad;
  FoldedExecutor executor(folded_);
  return run(executor, 0, x.detach(), request, false);
}

std::string Network::first_layer_not_finite(const Tensor& x) {
  check_input("first_layer_not_finite", x);
  NoGradGuard no_grad;
  FiniteExecutor executor(folded_);
  run(executor, 0, x.detach(), {.logits = false, .pooled = true}, false);
  std::string name;
  for (const NamedModule& named : named_modules()) {
    if (named.module == executor.first_not_finite()) return named.name;
    if (dynamic_cast<const Linear*>(named.module)) name = named.name;
  }
  return name;
}

}  // namespace engram
