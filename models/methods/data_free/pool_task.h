#pragma once
/// The methods that make batches of images with an inversion and teach a student from all of them: CMI, FAST, NAYER and
/// adaptive DeepInversion, in their own loops (docs/methods/data_free.md, "Pools").

#include "models/methods/data_free/data_free_registry.h"
#include "models/methods/data_free/image_pool.h"
#include "models/methods/inversion/inversion.h"

namespace engram {

struct PoolOptions {
  std::string inversion = "cmi";  ///< what inversion_registry() knows, with settings
  dim_t synthesis_batch = 256, iterations = 200;
  dim_t rounds = 1, warmup_rounds = 1;  ///< batches an epoch, and in the warm-up
  dim_t warmup = 0;                     ///< epochs that make images and do not teach
  dim_t epochs = 200, student_steps = 400;
  dim_t batch_size = 128;
  float temperature = 20;
  dim_t padding = 4;              ///< of the student's crops; 0 for images as they are
  double lr = 0.1, final_lr = 0;  ///< SGD's, half a cosine over the epochs that teach
  float weight_decay = 1e-4f;
};

/// An epoch makes its batches of images, which join the pool, and then teaches the student by T^2 KL at temperature T.
/// All epochs have as many steps as the longest; where one has less to do, its last ones do nothing. Phases: 0 student,
/// 1 nothing, 2 and more those of the inversion.
class PoolTask : public DataFreeTask {
 public:
  PoolTask(const DataFreeProblem& problem, const PoolOptions& options);

  const ImagePool& pool() const { return pool_; }
  dim_t steps_per_epoch() const override;
  dim_t epochs() const override { return options_.epochs; }
  dim_t batch_size() const override { return options_.batch_size; }
  double learning_rate(dim_t step) const override;
  int phase(dim_t step) const override;
  void stage(dim_t step) override;
  void issue() override;
  /// A batch that is complete joins the pool.
  void finish(dim_t step) override;

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  enum class Work { kSynthesis, kStudent, kNothing };
  /// What a step is.
  struct Place {
    Work work;
    dim_t round, iteration;  ///< of the run, of the round; for synthesis
  };
  Place place_of(dim_t step) const;
  dim_t rounds_in(dim_t epoch) const;
  dim_t total_rounds() const;

  PoolOptions options_;
  std::unique_ptr<Inversion> inversion_;
  ImagePool pool_;
  Optimizer student_optimizer_;
  StagedRate student_rate_;
  Work work_ = Work::kNothing;
};

}  // namespace engram
