#pragma once
/// Centred kernel alignment (Kornblith et al. 2019), differentiable in both arguments.

#include "engine/ops.h"

namespace engram {

/// |Y^T X|_F^2 / (|X^T X|_F |Y^T Y|_F) of x [n,p] and y [n,q] with centred columns. A scalar.
Tensor linear_alignment(const Tensor& x, const Tensor& y);

/// The same from the Gram matrices [n,n] of two kernels: <K,L> / (|K| |L|) after centring rows and columns.
Tensor gram_alignment(const Tensor& k, const Tensor& l);

/// exp(-d^2 / (2 threshold^2 m)) of the squared distances d^2 of all rows of x [n,p], m the lower median of all n^2 of
/// them (the diagonal's zeros included), through which gradients flow. Reads the distances on the host.
Tensor gaussian_gram(const Tensor& x, double threshold);

}  // namespace engram
