#pragma once
/// DFAD (Fang et al. 2019): student and generator play for the difference of the logits (docs/methods/data_free.md,
/// "DFAD").

#include "models/methods/data_free/data_free_registry.h"
#include "models/methods/data_free/generator_task.h"

namespace engram {

struct DfadOptions {
  dim_t batch_size = 256, epochs = 500, iterations = 50;  ///< iterations an epoch
  dim_t latent = 256;
  dim_t student_steps = 5;  ///< before one of the generator
  double lr_generator = 1e-3, lr_student = 0.1;
  dim_t first_drop = 100, second_drop = 200;  ///< epochs at which both rates fall to a tenth
};

/// An iteration is some steps of the student along mean|s - t|, each on new images, then one of the generator along
/// -mean|s - t|. Phases: 0 student, 1 generator. Both networks are in training mode throughout.
class DfadTask : public GeneratorTask {
 public:
  DfadTask(const DataFreeProblem& problem, const DfadOptions& options);

  dim_t steps_per_epoch() const override { return options_.iterations * (1 + options_.student_steps); }
  int phase(dim_t step) const override;
  void stage(dim_t step) override;
  void issue() override;

 private:
  DfadOptions options_;
  StagedRate generator_rate_;
};

}  // namespace engram
