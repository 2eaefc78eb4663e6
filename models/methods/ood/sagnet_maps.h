#pragma once
/// Style-agnostic networks on feature maps (Nam et al. 2021).

#include "models/methods/ood/ood_task.h"
#include "models/methods/ood/style_shuffle.h"

namespace engram {

struct SagNetMapSettings {
  dim_t after = 2;         ///< stages below the map that is changed, from 1
  double adversary = 0.1;  ///< weight of the adversary's loss
  double clip = 0.1;       ///< bound of the norm of its gradient; 0 is off
  bool copied = true;      ///< whether the second branch begins as the network's layers, its last layer apart
};

/// As the authors' program: the map after `after` stages goes on twice, with random style through the network's own
/// layers, and with random content through a branch that has layers of its own. In one step (1) the branch learns
/// labels; (2) the normalisations below the map are moved so that the branch's answer is even, by a clipped gradient;
/// (3) the network learns labels. All gradients are of one pass, before the first of the three moves anything. Each has
/// an optimiser of its own. Meters: the three losses.
class SagNetOnMaps : public OodTask {
 public:
  SagNetOnMaps(const SagNetMapSettings& settings, const OodSetup& setup);

  /// Draws in place of those that were staged: shares of the own style, and the orders of styles and of contents.
  void set_draws(const std::vector<float>& shares, const std::vector<std::int32_t>& styles,
                 const std::vector<std::int32_t>& contents);
  /// The branch, as a network whose first stages are not used.
  Network& branch() { return *branch_; }

 protected:
  void stage_method(dim_t step) override;
  void update(const EnvironmentBatch& batch) override;
  void visit_method(StateVisitor& visitor) override;

 private:
  struct Part {
    std::vector<NamedTensor> parameters;
    std::optional<Optimizer> optimizer;
  };

  void check_settings() const;
  Tensor one_image() const;
  void make_branch();
  void find_parts();
  Tensor rest_of(Network& network, const Tensor& map) const;
  std::vector<Tensor> gradients_of(const Tensor& loss, const std::vector<NamedTensor>& parameters) const;
  void step_adversary(const std::vector<Tensor>& gradients);

  SagNetMapSettings settings_;
  std::unique_ptr<Network> branch_;
  Part style_, adversary_;
  Tensor shares_, styles_, contents_;  // [N,1], [N,N], [N,N]
};

}  // namespace engram
