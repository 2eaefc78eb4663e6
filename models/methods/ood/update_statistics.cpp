#include <map>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/ood/ood_task.h"
#include "models/methods/ood/running_average.h"

namespace engram {

void update_statistics(Network& network, EnvironmentSource& source, dim_t first_step, dim_t steps) {
  const NoGradGuard no_grad;
  const bool was_training = network.is_training();
  network.train();
  std::map<const BatchNorm2d*, RunningAverage> averages;
  for (dim_t step = first_step; step < first_step + steps; ++step) {
    source.stage(step);
    const Features features =
        network.forward(joined(source.gather()).images, {.logits = false, .pooled = true, .bn_inputs = true});
    for (const BnInput& input : features.bn_inputs) {
      const std::vector<Tensor> moments = {mean(input.x, {0, 2, 3}), var(input.x, {0, 2, 3}, false, 1)};
      averages.try_emplace(input.layer, moments).first->second.add(moments);
    }
  }
  for (const auto& [layer, average] : averages) {
    copy_into(layer->running_mean, average.values()[0]);
    copy_into(layer->running_var, average.values()[1]);
  }
  network.train(was_training);
}

}  // namespace engram
