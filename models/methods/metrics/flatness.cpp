#include "models/methods/metrics/flatness.h"

#include <algorithm>
#include <cmath>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "models/init.h"

namespace engram {
namespace {

/// A network's weights, which come back at the end.
class DisturbedWeights {
 public:
  explicit DisturbedWeights(Network& network) {
    for (const NamedTensor& parameter : network.named_parameters())
      if (parameter.tensor.rank() >= 2)
        weights_.push_back({parameter.tensor.detach(), parameter.tensor.detach().clone()});
  }
  ~DisturbedWeights() {
    for (Weight& w : weights_) copy_into(w.live, w.original);
  }
  DisturbedWeights(const DisturbedWeights&) = delete;
  DisturbedWeights& operator=(const DisturbedWeights&) = delete;

  void disturb(double deviation, std::uint64_t seed) {
    Generator generator(seed);
    for (Weight& w : weights_) {
      Tensor noise = Tensor::empty(w.live.shape(), DType::kF32, w.live.device());
      fill_normal(noise, generator, 0, 1);
      copy_into(w.live, add(w.original, mul(noise, float(deviation))));
    }
  }

 private:
  struct Weight {
    Tensor live, original;
  };
  std::vector<Weight> weights_;
};

}  // namespace

std::vector<NoisyLoss> measure_flatness(Network& network, const ImageDataset& data, const FlatnessOptions& options) {
  if (options.draws < 1) throw UsageError(message("[measure_flatness] expected one draw or more, got ", options.draws));
  const NoGradGuard no_grad;
  DisturbedWeights weights(network);
  std::vector<NoisyLoss> result;
  for (const double deviation : options.deviations) {
    if (!(deviation >= 0))
      throw UsageError(message("[measure_flatness] expected deviations of 0 or more, got ", deviation));
    NoisyLoss loss = {deviation, 0, INFINITY, -INFINITY};
    const int draws = deviation == 0 ? 1 : options.draws;
    for (int k = 0; k < draws; ++k) {
      weights.disturb(deviation, options.seed + std::uint64_t(k));
      const double value = evaluate(network, data, options.evaluate).mean_loss;
      loss.mean += value / draws;
      loss.lowest = std::min(loss.lowest, value);
      loss.highest = std::max(loss.highest, value);
    }
    result.push_back(loss);
  }
  return result;
}

}  // namespace engram
