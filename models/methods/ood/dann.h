#pragma once
/// Domain-adversarial training (Ganin et al. 2016), plain and conditional (Li et al. 2018), as DomainBed alternates it.

#include "models/methods/ood/domain_mlp.h"
#include "models/methods/ood/ood_task.h"

namespace engram {

struct DannSettings {
  double lambda = 1;        ///< weight of the discriminator's loss in the generator's
  double grad_penalty = 0;  ///< weight of the squared gradient of the discriminator to the features
  dim_t d_steps = 1;        ///< discriminator's updates for one of the generator
  double beta1 = 0.5, beta2 = 0.9;
  double lr_d = 0;  ///< the discriminator's rate, constant; 0: that of the network
  double weight_decay_d = 0;
  dim_t width = 256;
  dim_t depth = 3;
};

/// A discriminator tells environments from features; the network learns labels and to deceive it. `conditional`: a
/// vector a class is added to what the discriminator sees, and classes weigh alike in its loss. The counter is raised
/// before it is looked at: with one update each the generator moves first. Meters: discriminator's loss, gradient
/// penalty (0 where it has no weight), risk.
class Dann : public OodTask {
 public:
  Dann(const DannSettings& settings, bool conditional, const OodSetup& setup);
  /// 0 where the discriminator moves, 1 where the generator does.
  int phase(dim_t step) const override;

  DomainMlp& discriminator() { return *discriminator_; }
  /// [classes, D]; undefined unless conditional.
  const Tensor& class_embeddings() const { return embeddings_; }

 protected:
  void stage_method(dim_t step) override;
  void update(const EnvironmentBatch& batch) override;
  void visit_method(StateVisitor& visitor) override;

 private:
  struct Judgement {
    Tensor loss, penalty;
  };
  Judgement judge(const Tensor& features, const Tensor& labels, const EnvironmentBatch& batch);

  DannSettings settings_;
  std::unique_ptr<DomainMlp> discriminator_;
  Tensor embeddings_;
  std::vector<NamedTensor> discriminator_parameters_;
  std::optional<Optimizer> discriminator_optimizer_;
  std::optional<StagedRate> discriminator_rate_;
  bool generator_moves_ = false;
};

}  // namespace engram
