#pragma once
/// PRE-DFKD (Binici et al. 2022): beside new images the student rehearses those of a memory, a generator that learns to
/// reproduce earlier ones (docs/methods/data_free.md, "PRE-DFKD").

#include "models/methods/data_free/data_free_registry.h"
#include "models/nets/latent_encoder.h"
#include "models/nets/latent_generator.h"

namespace engram {

struct PreDfkdOptions {
  dim_t batch_size = 1024, epochs = 400, rounds = 36;  ///< rounds an epoch
  dim_t memory_images = 128;                           ///< beside the new ones in a step of the student
  dim_t student_steps = 10,
        memory_steps = 4;  ///< a round; after each of the first steps of the student one of the memory
  dim_t latent = 1000;
  float one_hot = 1, entropy = 5, activation = 0.1f;
  float lr_generator = 0.02f;  ///< Adam's, of the memory a fortieth
  double lr_student = 0.1;
};

/// A round is a step of the novel generator, then steps of the student with steps of the memory between them. Phases: 0
/// novel generator; 1 student; 2 memory; 3 memory in the first round, when it has nothing to reproduce yet. As
/// released, the memory generator also takes the gradient of the loss that improves its noise.
class PreDfkdTask : public DataFreeTask {
 public:
  PreDfkdTask(const DataFreeProblem& problem, const PreDfkdOptions& options);

  LatentGenerator& novel() { return *novel_; }
  LatentGenerator& memory() { return *memory_; }
  LatentEncoder& encoder() { return encoder_; }
  dim_t steps_per_epoch() const override { return options_.rounds * steps_per_round(); }
  dim_t epochs() const override { return options_.epochs; }
  dim_t batch_size() const override { return options_.batch_size; }
  double learning_rate(dim_t step) const override;
  int phase(dim_t step) const override;
  void stage(dim_t step) override;
  void issue() override;

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  /// The memory's noise after one step towards what the teacher is sure of, and what the generator learned from it.
  struct Improved {
    Tensor z;
    std::vector<Tensor> to_memory;  ///< gradients
  };
  dim_t steps_per_round() const { return 1 + options_.student_steps + options_.memory_steps; }
  Tensor matching_loss(const Tensor& logits) const;
  Improved improved_noise();
  void issue_novel();
  void issue_student();
  void issue_memory(bool first);
  void record(const std::vector<std::pair<int, Tensor>>& values);

  PreDfkdOptions options_;
  std::unique_ptr<LatentGenerator> novel_, memory_;
  LatentEncoder encoder_;
  Optimizer novel_optimizer_, memory_optimizer_, encoder_optimizer_, student_optimizer_;
  StagedRate student_rate_;
  int phase_ = 0;
  Tensor images_;  // of the last step of the student
};

}  // namespace engram
