#pragma once
/// Images moved to where a network errs (Madry et al. 2018, projected gradients).

#include <functional>

#include "engine/random.h"

namespace engram {

struct AttackOptions {
  dim_t steps = 4;
  double step_size = 2.0 / 255;  ///< of an image in [0, 1], as the next
  double radius = 8.0 / 255;     ///< largest change of a value
  float low = 0, high = 1;       ///< values that images may have
};

/// Throws UsageError, naming the method, for options that make no sense.
void check_attack(const char* method, const AttackOptions& options);

/// Steps of sign(gradient) up `loss` from `start`, each cut to the radius around `images` and to [low, high]. The
/// result has no history. Draws nothing.
Tensor attacked(const Tensor& images, const Tensor& start, const AttackOptions& options,
                const std::function<Tensor(const Tensor&)>& loss);

}  // namespace engram
