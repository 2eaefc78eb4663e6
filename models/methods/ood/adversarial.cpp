#include "models/methods/ood/adversarial.h"

#include "engine/autograd.h"
#include "engine/ops.h"

namespace engram {

void check_attack(const char* method, const AttackOptions& o) {
  if (o.steps < 0) throw UsageError(message("[", method, "] expected at least 0 steps of the attack, got ", o.steps));
  if (!(o.step_size >= 0 && o.radius >= 0))
    throw UsageError(
        message("[", method, "] expected a step and a radius of at least 0, got ", o.step_size, " and ", o.radius));
  if (!(o.low < o.high))
    throw UsageError(message("[", method, "] expected values from low to high, got ", o.low, " to ", o.high));
}

Tensor attacked(const Tensor& images, const Tensor& start, const AttackOptions& options,
                const std::function<Tensor(const Tensor&)>& loss) {
  const Tensor lowest = images.detach() + float(-options.radius), highest = images.detach() + float(options.radius);
  Tensor x = start.detach();
  for (dim_t i = 0; i < options.steps; ++i) {
    Tensor moving = x.detach().clone();
    moving.set_requires_grad();
    const Tensor gradient = grad({loss(moving)}, {moving})[0];
    const NoGradGuard no_grad;
    x = x + float(options.step_size) * sign(gradient);
    x = clamp(minimum(maximum(x, lowest), highest), options.low, options.high);
  }
  return x;
}

}  // namespace engram
