#pragma once
/// How much a network's loss rises when its weights are disturbed: the flatness of the minimum that it lies in (Zhang
/// et al. 2018, "Deep Mutual Learning", section 3.4). docs/methods/analysis.md.

#include <cstdint>
#include <vector>

#include "models/training/evaluate.h"

namespace engram {

struct FlatnessOptions {
  std::vector<double> deviations = {0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05};
  int draws = 5;
  std::uint64_t seed = 1;
  EvaluateOptions evaluate = {};
};

/// Mean cross entropy under noise of one deviation.
struct NoisyLoss {
  double deviation = 0;
  double mean = 0, lowest = 0, highest = 0;  ///< over the draws
};

/// Adds N(0, deviation^2) to every weight of convolutions and linear layers (parameters of two axes and more), `draws`
/// times a deviation, and evaluates in evaluation mode. Draw k takes the same standard normal numbers for every
/// deviation. The network has its own weights back at the end, also after an exception. Throws UsageError for a
/// negative deviation or fewer than one draw, and as evaluate; a loss that is not finite is DataError.
std::vector<NoisyLoss> measure_flatness(Network& network, const ImageDataset& data,
                                        const FlatnessOptions& options = {});

}  // namespace engram
