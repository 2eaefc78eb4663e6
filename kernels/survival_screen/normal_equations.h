#pragma once
/// Solution of Newton's equations for one number or, on the CPU, a lane vector of them: T is double or Vec8d.

#include <cmath>

#include "kernels/common/inline.h"
#include "kernels/common/types.h"
#if !defined(__CUDACC__)
#include "kernels/common/vec_math_f64.h"
#endif

namespace engram::kernels {

ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE double square_root(double x) {
  return std::sqrt(x);
}
#if !defined(__CUDACC__)
ENGRAM_ALWAYS_INLINE Vec8d square_root(Vec8d x) {
  Vec8d out;
  for (int lane = 0; lane < kLanes8d; ++lane) out[lane] = std::sqrt(x[lane]);
  return out;
}
#endif

/// Factors the p x p information (lower triangle, row stride `stride`) in place into its Cholesky factor, of which the
/// diagonal holds reciprocals. magnitude[j]: the diagonal before the means were taken off, which says how large its
/// rounding errors are. A parameter whose pivot is not above 1e-12 of it is not estimable (it does not vary, or those
/// before it explain it): its reciprocal is 0, which takes it out of all that follows.
template <class T>
ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE void factor_information(T* a, const T* magnitude, dim_t p, dim_t stride) {
  constexpr double kTolerance = 1e-12;
  for (dim_t j = 0; j < p; ++j) {
    T* row = a + j * stride;
    T pivot = row[j];
    for (dim_t k = 0; k < j; ++k) pivot -= row[k] * row[k];
    const T floor = magnitude[j] * kTolerance;
    const T usable = pivot > floor ? pivot : T{} + 1.;
    const T reciprocal = pivot > floor ? 1. / square_root(usable) : T{};
    row[j] = reciprocal;
    for (dim_t i = j + 1; i < p; ++i) {
      T sum = a[i * stride + j];
      for (dim_t k = 0; k < j; ++k) sum -= a[i * stride + k] * row[k];
      a[i * stride + j] = sum * reciprocal;
    }
  }
}

/// step = I^-1 gradient from the factor; returns gradient' I^-1 gradient. `step` may be `gradient`.
template <class T>
ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE T solve_step(const T* factor, dim_t p, dim_t stride, const T* gradient,
                                                     T* step) {
  T decrement = {};
  for (dim_t j = 0; j < p; ++j) {
    T sum = gradient[j];
    for (dim_t k = 0; k < j; ++k) sum -= factor[j * stride + k] * step[k];
    step[j] = sum * factor[j * stride + j];
    decrement += step[j] * step[j];
  }
  for (dim_t j = p - 1; j >= 0; --j) {
    T sum = step[j];
    for (dim_t i = j + 1; i < p; ++i) sum -= factor[i * stride + j] * step[i];
    step[j] = sum * factor[j * stride + j];
  }
  return decrement;
}

/// se = square roots of the diagonal of I^-1; 0 for parameters that are not estimable. `column`: p values of scratch.
template <class T>
ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE void standard_errors(const T* factor, dim_t p, dim_t stride, T* column, T* se) {
  for (dim_t j = 0; j < p; ++j) {
    T sum = {};
    for (dim_t i = j; i < p; ++i) {
      T value = i == j ? T{} + 1. : T{};
      for (dim_t k = j; k < i; ++k) value -= factor[i * stride + k] * column[k];
      column[i] = value * factor[i * stride + i];
      sum += column[i] * column[i];
    }
    const T reciprocal = factor[j * stride + j];
    se[j] = reciprocal != 0. ? square_root(sum) : T{};
  }
}

}  // namespace engram::kernels
