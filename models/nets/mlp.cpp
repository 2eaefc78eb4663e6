#include "models/nets/mlp.h"

#include <cmath>

#include "engine/ops/linear_relu.h"
#include "models/nets/network_registry.h"

namespace engram {

Mlp::Mlp(NetworkSpec spec, const std::vector<dim_t>& hidden, Device device) : Network(spec, {}, device) {
  dim_t in = spec.image.count();
  std::vector<dim_t> outs = hidden;
  outs.push_back(num_classes());
  for (const dim_t out : outs) {
    const float bound = std::sqrt(6.f / float(in + out));
    layers_.push_back(std::make_unique<Linear>(in, out, Init::uniform(-bound, bound), Init::constant(0), device));
    register_child(message("layers.", 2 * (layers_.size() - 1)), *layers_.back());
    in = out;
  }
}

Tensor Mlp::stage(Executor&, int, const Tensor& x, PreActivation*) {
  return x;
}

Tensor Mlp::pool(const Tensor& x) {
  Tensor h = flatten(x.contiguous());
  for (std::size_t i = 0; i + 1 < layers_.size(); ++i) h = linear_relu(h, layers_[i]->weight, layers_[i]->bias);
  return h;
}

Tensor Mlp::classify(const Tensor& pooled, bool) {
  return layers_.back()->forward(pooled);
}

namespace {

struct MlpSettings {
  std::vector<dim_t> hidden = {390, 390};
};
Settings mlp_settings(MlpSettings& s) {
  return {{"hidden", &s.hidden, "values of each hidden layer"}};
}

}  // namespace

void add_mlps(NetworkRegistry& registry) {
  registry.add<MlpSettings>(
      "mlp", "perceptron on the pixels", {}, mlp_settings,
      [](const MlpSettings& s, const NetworkSpec& spec, const Device& device) {
        if (s.hidden.size() > 16)
          throw UsageError(message("[", spec.arch, "] expected at most 16 hidden layers, got ", s.hidden.size()));
        for (const dim_t width : s.hidden)
          if (width < 1 || width > 65536)
            throw UsageError(message("[", spec.arch, "] expected hidden layers of 1 to 65536 ", "values, got ", width));
        return std::make_unique<Mlp>(spec, s.hidden, device);
      });
}

}  // namespace engram
