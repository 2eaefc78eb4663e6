#pragma once
/// DAFL (Chen et al. 2019): a generator whose images the teacher takes for data, and a student that follows the teacher
/// on them (docs/methods/data_free.md, "DAFL").

#include "models/methods/data_free/data_free_registry.h"
#include "models/methods/data_free/generator_task.h"

namespace engram {

struct DaflOptions {
  dim_t batch_size = 1024, epochs = 2000, steps = 120;
  dim_t latent = 1000;
  /// Coefficients of one-hot, class entropy and activation; negative: the authors' for the number of classes (0.05, 5,
  /// 0.01 up to 10 classes, 0.5, 20, 0.1 above).
  float one_hot = -1, entropy = -1, activation = -1;
  double lr_generator = 0.02, lr_student = 0.1;
  dim_t first_drop = 800, second_drop = 1600;  ///< epochs at which the student's rate falls to a tenth
};

/// One joint step: Adam on the generator along its three terms, SGD on the student along KL(t || s) on the same images.
class DaflTask : public GeneratorTask {
 public:
  DaflTask(const DataFreeProblem& problem, const DaflOptions& options);

  dim_t steps_per_epoch() const override { return options_.steps; }
  void issue() override;

 private:
  DaflOptions options_;
};

}  // namespace engram
