#pragma once
/// The logistic function of eight f64 lanes with what likelihoods need beside it.

#include "kernels/common/vec_math_f64.h"

namespace engram::kernels {

/// p = 1 / (1 + e^-x), q = 1 - p without cancellation, and log(1 + e^x).
struct Sigmoid {
  Vec8d p, q, log1p_exp;
};

/// Everything from u = e^-|x|, which cannot overflow.
ENGRAM_ALWAYS_INLINE Sigmoid sigmoid8d(Vec8d x) {
  const Vec8d u = exp8d(x > 0. ? -x : x);
  const Vec8d large = 1. / (1. + u), small = u * large;
  // For small u the sum 1 + u has lost the digits that the logarithm's series still has.
  const Vec8d log1p_u = u < 1e-8 ? u - u * u / 2. : log8d(1. + u);
  return {x > 0. ? large : small, x > 0. ? small : large, (x > 0. ? x : Vec8d{}) + log1p_u};
}

}  // namespace engram::kernels
