#pragma once
/// CMI (Fang et al. 2021): a generator, made anew for each batch, whose images are also to differ from those of earlier
/// batches (docs/methods/data_free.md, "CMI").

#include "models/methods/data_free/contrastive_loss.h"
#include "models/methods/data_free/memory_bank.h"
#include "models/methods/inversion/inversion_registry.h"
#include "models/methods/inversion/synthesis.h"

namespace engram {

struct ContrastiveOptions {
  float bn = 1, oh = 1, adv = 0.5f, cr = 0.8f;
  float temperature = 0.1f;
  float lr = 1e-3f;  ///< Adam's, of generator, noise and head
  dim_t latent = 256, head = 256;
  dim_t bank = 40960, negatives = 4096;  ///< rows kept, rows drawn in an iteration
  /// What the contrast compares: "bn", the inputs of all batch normalisations; "stages", the inputs of a ResNet's
  /// stages; "auto", stages for resnet34 and bn else, as released.
  std::string features = "auto";
  /// As released: right after the bank has been filled exactly, it counts as empty, and the batch keeps the images of
  /// its first iteration.
  bool released_bank = false;
};

/// Generator and noise by Adam (0.5, 0.999), begun anew for each batch, the head by Adam throughout.
class ContrastiveInversion : public Synthesis {
 public:
  ContrastiveInversion(const InversionSetup& setup, const ContrastiveOptions& options);

  LatentGenerator& generator() { return *generator_; }
  ProjectionHead& head() { return *head_; }
  const MemoryBank& bank() const { return bank_; }
  const Tensor& latents() const { return z_; }
  dim_t feature_values() const { return bank_.rows().dim(1) / 2; }

  void next_batch(dim_t index) override;
  int phase(dim_t step) const override;
  void stage(dim_t step) override;
  void issue() override;

  /// For replays.
  void stage_boxes(const std::vector<BoxDraw>& draws) { boxes_.stage(draws); }
  void stage_cached(const std::vector<std::int32_t>& index);

 protected:
  Tensor generate() override;
  void visit_parts(StateVisitor& visitor) override;

 private:
  void begin_batch();
  Features look(const Tensor& x, bool logits);
  Tensor instance_means(const Features& features) const;
  dim_t num_cached() const;
  bool is_blind() const;

  ContrastiveOptions options_;
  bool stages_;
  std::unique_ptr<LatentGenerator> generator_;
  Tensor z_;
  Optimizer optimizer_;
  MemoryBank bank_;
  std::unique_ptr<ProjectionHead> head_;
  Optimizer head_optimizer_;
  StagedBoxes boxes_;
  Tensor cached_index_;  // i32 [negatives], of which the first num_cached() hold
  Tensor diagonal_;      // i32 [batch + negatives]
  Tensor best_features_;
};

}  // namespace engram
