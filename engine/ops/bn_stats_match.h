#pragma once
/// Frozen batch normalisation fused with the loss that matches the statistics of its input to the running ones: the BN
/// regulariser of DeepInversion and NaturalInversion. Threads: as engine/tensor.h says.

#include <memory>

#include "engine/tensor.h"
#include "kernels/common/activation_function.h"

namespace engram {

using kernels::Activation;

class BnStatsMatchGroup;

struct BnStatsMatchOptions {
  float eps = 1e-5f;  ///< added to the running variance
  Activation activation = Activation::kNone;
  float slope = 0;  ///< of kLeakyRelu below 0
  /// Where the call leaves its norms to be completed with others; null: they are complete at once.
  BnStatsMatchGroup* group = nullptr;
};

struct BnStatsMatch {
  Tensor y;          ///< as batch_norm in evaluation
  Tensor var_norm;   ///< scalar ||running_var - batch variance||_2; the variance is biased
  Tensor mean_norm;  ///< scalar ||running_mean - batch mean||_2
};

/// y = act(gamma (x - running_mean) / sqrt(running_var + eps) + beta (+ residual)) and the distance of the statistics
/// of x [N,C,H,W] from the running ones, in one pass over x. gamma and beta: [C], or undefined for 1 and 0; residual:
/// undefined or of x's shape.
///
/// Differentiable to any order in x and the residual (a norm of 0 has gradient 0), at first order in one fused pass; a
/// node keeps x and one bit an element for the activation. The running statistics are constants. Where gamma or beta
/// require a gradient the result comes from separate operations. Does not depend on the thread count. Throws ShapeError
/// for extents that do not fit or an empty x.
BnStatsMatch bn_stats_match(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                            const Tensor& running_var, const BnStatsMatchOptions& options = {},
                            const Tensor& residual = {});

/// The calls of one forward pass. A device completes the statistics of all of them together, with two launches instead
/// of two a layer; norms of the calls hold nothing before `finish`.
class BnStatsMatchGroup {
 public:
  /// Room for the norms of so many calls on a device.
  BnStatsMatchGroup(dim_t most_calls, const Device& device);
  ~BnStatsMatchGroup();
  BnStatsMatchGroup(const BnStatsMatchGroup&) = delete;

  struct Sums {
    Tensor var_norm, mean_norm;  ///< scalars
  };
  /// Completes the statistics; returns the sums of the calls' norms, differentiable like the norms. Called once, after
  /// at least one call.
  Sums finish();

 private:
  friend BnStatsMatch bn_stats_match(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                     const BnStatsMatchOptions&, const Tensor&);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace engram
