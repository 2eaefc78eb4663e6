#include "models/methods/metrics/layer_features.h"

#include "engine/autograd.h"
#include "models/nets/finite_outputs.h"

namespace engram {
namespace {

/// Evaluation mode while it lives.
class EvaluationMode {
 public:
  explicit EvaluationMode(Module& module) : module_(module), was_training_(module.is_training()) { module.eval(); }
  ~EvaluationMode() { module_.train(was_training_); }
  EvaluationMode(const EvaluationMode&) = delete;

 private:
  Module& module_;
  bool was_training_;
};

}  // namespace

LayerFeatures layer_features(Network& network, const Tensor& x, LayerSelection selection) {
  const NoGradGuard no_grad;
  const EvaluationMode evaluation(network);
  Features features =
      network.forward(x, {.taps = true, .pooled = true, .bn_inputs = selection == LayerSelection::kAll});
  check_finite_outputs("layer_features", "logits", network, x, features.logits.to_vector());
  LayerFeatures result;
  const auto add = [&](const std::string& name, const Tensor& value) {
    result.names.push_back(name);
    result.values.push_back(value);
  };
  for (const BnInput& input : features.bn_inputs) add(input.name, input.x);
  for (std::size_t s = 0; s < features.taps.size(); ++s) add(message("stage", s + 1), features.taps[s]);
  add("pooled", features.pooled);
  add("logits", features.logits);
  return result;
}

}  // namespace engram
