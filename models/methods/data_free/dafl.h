#pragma once
/// DAFL (Chen et al. 2019): a generator whose images the teacher takes for data, and a student that follows the teacher
/// on them (docs/methods/data_free.md, "DAFL").

#include "models/methods/data_free/data_free_registry.h"
#include "models/nets/latent_generator.h"

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
class DaflTask : public DataFreeTask {
 public:
  DaflTask(const DataFreeProblem& problem, const DaflOptions& options);

  LatentGenerator& generator() { return *generator_; }
  dim_t steps_per_epoch() const override { return options_.steps; }
  dim_t epochs() const override { return options_.epochs; }
  dim_t batch_size() const override { return options_.batch_size; }
  double learning_rate(dim_t step) const override;
  void stage(dim_t step) override;
  void issue() override;

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  DaflOptions options_;
  std::unique_ptr<LatentGenerator> generator_;
  Optimizer generator_optimizer_, student_optimizer_;
  StagedRate student_rate_;
};

}  // namespace engram
