#pragma once
/// Meta-learning for domain generalisation (Li et al. 2018).

#include "models/methods/ood/ood_task.h"
#include "models/methods/ood/stacked_environments.h"

namespace engram {

struct MldgSettings {
  double beta = 1;             ///< weight of the meta-test loss
  dim_t meta_test = 2;         ///< environments that are tested on
  std::string inner = "adam";  ///< the step in between: a fresh adam's, or sgd
  bool second_order = false;   ///< differentiate through that step (of sgd), as the paper does; DomainBed does not
};

/// Environments in random order; each but the last `meta_test` is trained on, and tested on one of those in turn. The
/// network takes a step down the training loss L_i, the gradient of the test loss L_j is taken there, and the update
/// goes along sum(G_i + beta G_j) / environments from where the network was. Where environments have batches of
/// different sizes all are cut to the smallest. Meter: train/loss, sum(L_i + beta L_j) / environments.
class Mldg : public OodTask {
 public:
  Mldg(const MldgSettings& settings, const OodSetup& setup);

  /// The order of the environments in place of the drawn one, for the step that was staged.
  void set_order(const std::vector<std::int32_t>& order);

 protected:
  void stage_method(dim_t step) override;
  void update(const EnvironmentBatch& batch) override;

 private:
  std::vector<Tensor> risk_gradients(const Tensor& images, const Tensor& targets, Tensor& risk, bool create_graph);
  void inner_step(const std::vector<Tensor>& gradients);
  std::vector<Tensor> through_inner_step(const StackedEnvironments::Mixed& train, const std::vector<Tensor>& v);

  MldgSettings settings_;
  std::vector<Tensor> weights_, before_;  // the parameters, and where they were
  Tensor picks_;                          // [environments, environments]
};

}  // namespace engram
