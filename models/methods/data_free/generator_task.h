#pragma once
/// What the data-free methods have in common that train one generator and one student.

#include <memory>
#include <string>

#include "models/methods/data_free/data_free_task.h"
#include "models/nets/latent_generator.h"

namespace engram {

/// The generator and how both networks are trained.
struct GeneratorTraining {
  std::string generator;  ///< name in the generators' registry
  dim_t latent;           ///< values of noise an image
  OptimizerOptions generator_optimizer;
  OptimizerOptions student_optimizer;
  ScheduleOptions student_schedule;  ///< of the student's rate, over epochs unless the method counts otherwise
  dim_t batch_size;                  ///< images a step
  dim_t epochs;
};

/// A data-free task of one generator, one student and an optimiser each.
class GeneratorTask : public DataFreeTask {
 public:
  LatentGenerator& generator() { return *generator_; }
  dim_t epochs() const override { return epochs_; }
  dim_t batch_size() const override { return batch_size_; }
  double learning_rate(dim_t step) const override { return student_rate_.at(rate_position(step)); }
  void stage(dim_t step) override;

 protected:
  GeneratorTask(const DataFreeProblem& problem, const GeneratorTraining& training);

  /// Where a step stands in the schedules: its epoch, unless the method counts otherwise.
  virtual dim_t rate_position(dim_t step) const { return step / steps_per_epoch(); }
  void visit_parts(StateVisitor& visitor) override;
  /// The generator's noise of one step: [batch_size, latent].
  Tensor draw_noise() { return noise_.draw({batch_size_, generator_->latent()}); }

  std::unique_ptr<LatentGenerator> generator_;
  Optimizer generator_optimizer_, student_optimizer_;
  StagedRate student_rate_;
  int phase_ = 0;  ///< of the step that was staged

 private:
  dim_t batch_size_, epochs_;
};

}  // namespace engram
