#pragma once
/// ZSKT (Micaelli and Storkey 2019): a generator looks for images on which the student differs from the teacher
/// (docs/methods/data_free.md, "ZSKT").

#include "models/methods/data_free/data_free_registry.h"
#include "models/methods/data_free/generator_task.h"

namespace engram {

struct ZsktOptions {
  dim_t batch_size = 128, epochs = 200, pseudo_batches = 400;  ///< pseudo-batches an epoch: 80,000 in all
  dim_t latent = 100;
  dim_t student_steps = 10;                       ///< after one step of the generator, on the same noise
  float attention = 250;                          ///< coefficient of the attention maps' distances; 0 leaves them out
  float clip = 5;                                 ///< of both gradients' norms
  double lr_generator = 1e-3, lr_student = 2e-3;  ///< Adam's, both down to 0 along half a cosine
};

/// A pseudo-batch is one step of the generator along -KL(t || s), then steps of the student along KL plus attention,
/// all on one batch of noise. KL is averaged over rows and classes. Phases: 0 generator; 1 the student's first step,
/// whose answers of the teacher are kept; 2 its later ones. The student is in training mode throughout, the generator
/// too, so its running statistics move in all of these passes.
class ZsktTask : public GeneratorTask {
 public:
  /// Throws DataError where attention is asked for and the maps of teacher and student differ in number or extents.
  ZsktTask(const DataFreeProblem& problem, const ZsktOptions& options);

  dim_t steps_per_epoch() const override { return options_.pseudo_batches * (1 + options_.student_steps); }
  int phase(dim_t step) const override;
  void stage(dim_t step) override;
  void issue() override;

 protected:
  dim_t rate_position(dim_t step) const override;
  void visit_parts(StateVisitor& visitor) override;

 private:
  void issue_generator();
  void issue_student(bool first);

  ZsktOptions options_;
  StagedRate generator_rate_;
  Tensor latents_;                    // of the pseudo-batch
  Tensor answers_;                    // the teacher's logits of it
  std::vector<Tensor> teacher_maps_;  // its attention
};

}  // namespace engram
