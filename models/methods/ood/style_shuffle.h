#pragma once
/// Feature statistics changed between samples (Nam et al. 2021, SagNet).

#include "engine/tensor.h"

namespace engram {

/// Which half of a feature is changed.
enum class Randomized {
  kStyle,   ///< mean and variance are mixed with those of another sample
  kContent  ///< what is left of another sample, as a constant, gets this one's mean and variance
};

/// x [N,D] (statistics over D) or [N,C,H,W] (over H and W, a channel), shares [N,1] of the sample's own statistics, and
/// the matrix [N,N] of row_shuffle.h that says which other sample. Variances are unbiased, 1e-5 is added before roots.
Tensor style_shuffle(const Tensor& x, Randomized what, const Tensor& shares, const Tensor& shuffle);

}  // namespace engram
