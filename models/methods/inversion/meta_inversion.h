#pragma once
/// FAST (Fang et al. 2022): a generator that learns to be a good start, and takes a few steps from there for each batch
/// (docs/methods/data_free.md, "FAST").

#include "models/methods/data_free/bn_matching.h"
#include "models/methods/inversion/inversion_registry.h"
#include "models/methods/inversion/synthesis.h"

namespace engram {

struct MetaOptions {
  float bn = 10, oh = 0.5f, adv = 1.33f;
  float lr = 2e-3f;    ///< Adam's, of the copy; the meta generator has it times the iterations
  float lr_z = 0.01f;  ///< of the noise
  dim_t latent = 256;
  float momentum = 0.9f;    ///< of the statistics' averages
  dim_t warmup = 20;        ///< batches before the adversarial term
  bool reset_first = true;  ///< forget the first layer after 120 batches more than the warm-up
  bool reptile = false;     ///< REPTILE's meta gradient instead of first-order MAML's
  float reptile_scale = 67;
};

/// Phases: what an iteration does by its place (the last one moves the meta generator), the batch (the adversarial
/// term) and the averages that there are.
class MetaInversion : public Synthesis {
 public:
  MetaInversion(const InversionSetup& setup, const MetaOptions& options);

  LatentGenerator& generator() { return *meta_; }
  LatentGenerator& fast_generator() { return *fast_; }
  const BnMomentum& averages() const { return *averages_; }
  const Tensor& latents() const { return z_; }
  /// Begins the batch from the generator as it is now: after its values were replaced.
  void restart();

  void next_batch(dim_t index) override;
  int phase(dim_t step) const override;
  void stage(dim_t step) override;
  void issue() override;
  void finish(dim_t step) override;

 protected:
  Tensor generate() override;
  void visit_parts(StateVisitor& visitor) override;

 private:
  void begin_batch();
  bool is_last(dim_t step) const { return step % iterations_ == iterations_ - 1; }
  bool is_adversarial() const;

  MetaOptions options_;
  std::unique_ptr<LatentGenerator> meta_, fast_;
  Tensor z_;
  Optimizer meta_optimizer_, fast_optimizer_, z_optimizer_;
  std::vector<Tensor> sums_;  // of the copy's gradients over the iterations of a batch
  std::unique_ptr<BnMomentum> averages_;
};

}  // namespace engram
