#pragma once
/// NAYER (Tran et al. 2024): images from rows of a label embedding, through linear layers that are noise
/// (docs/methods/data_free.md, "NAYER").

#include "models/methods/data_free/bn_matching.h"
#include "models/methods/inversion/inversion_registry.h"
#include "models/methods/inversion/synthesis.h"

namespace engram {

struct LabelOptions {
  float bn = 10, oh = 0.5f, adv = 1.33f;
  float lr = 4e-3f;                    ///< Adam's
  dim_t latent = 1000;                 ///< values of the noisy layers' results
  dim_t embedding = 512;               ///< values of a class's row, drawn from N(0,1)
  float momentum = 0.9f;               ///< of the statistics' averages
  dim_t warmup = 20;                   ///< epochs before the adversarial term
  dim_t life = 10;                     ///< epochs that a generator lives
  dim_t loops = 2, warmup_loops = 10;  ///< batches an epoch, and in the warm-up
};

/// The released program reads its rows from a text encoder; rows that are far from each other, here random ones, stand
/// in for them. Phases: the averages that there are, the adversarial term.
class LabelInversion : public Synthesis {
 public:
  LabelInversion(const InversionSetup& setup, const LabelOptions& options);

  LabelGenerator& generator() { return *generator_; }
  /// The rows [C,embedding]; a replay overwrites them.
  const Tensor& embedding() const { return embedding_; }
  /// Whether the generator is made anew before batch `index`.
  bool makes_generator(dim_t index) const;
  /// The epoch of batch `index`, from 1.
  dim_t epoch_of(dim_t index) const;

  void next_batch(dim_t index) override;
  int phase(dim_t step) const override;
  void issue() override;
  void finish(dim_t step) override;

 protected:
  Tensor generate() override;
  void visit_parts(StateVisitor& visitor) override;

 private:
  void begin_batch();
  bool is_adversarial() const;

  LabelOptions options_;
  std::unique_ptr<LabelGenerator> generator_;
  Optimizer optimizer_;
  std::unique_ptr<BnMomentum> averages_;
  Tensor embedding_;
};

}  // namespace engram
