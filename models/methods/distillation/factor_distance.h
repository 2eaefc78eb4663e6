#pragma once
/// Distances of factors, whose rows are normalised first (IE-KD and factor transfer; docs/methods/distillation.md,
/// "Factors").

#include <string>

#include "models/methods/distillation/distillation_loss.h"

namespace engram {

/// (mean over all elements of |nrm(a) - nrm(b)|^p)^(1/p), nrm dividing each sample by max(its norm, 1e-12). `p` >= 1.
/// Equal inputs have gradient 0 (the released code's is NaN for p > 1). No gradient flows to b.
Tensor factor_distance(const Tensor& a, const Tensor& b, double p = 1);

/// Mean over samples of 1 - cos(a, b); with `opposite` the mean of |cos(a, b)|, which is least at right angles. No
/// gradient flows to b.
Tensor cosine_distance(const Tensor& a, const Tensor& b, bool opposite = false);

/// (mean over all elements of |a - b|^p)^(1/p): the loss of reconstructions, p = 1 in the released code.
Tensor reconstruction_distance(const Tensor& a, const Tensor& b, double p = 1);

/// A distance by name: "l1", "l2" or "cosine".
class FactorDistance {
 public:
  /// Throws UsageError, naming `term`, for another name.
  FactorDistance(const char* term, const std::string& name);
  /// The term to minimise that draws a to b.
  Tensor inherit(const Tensor& a, const Tensor& b) const;
  /// The term to minimise that drives a from b: the negated distance; of the cosine the magnitude of the angle's.
  Tensor explore(const Tensor& a, const Tensor& b) const;

 private:
  double p_ = 1;  // 0: cosine
};

}  // namespace engram
