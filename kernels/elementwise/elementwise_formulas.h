#pragma once
/// The scalar formula of each elementwise operation, shared by the reference (double) and the kernels of both
/// back ends (float).

#include <algorithm>
#include <cmath>

#include "kernels/common/inline.h"
#include "kernels/elementwise/elementwise.h"

namespace engram::kernels {

template <UnaryOp op, class T>
ENGRAM_HOST_DEVICE ENGRAM_ALWAYS_INLINE T unary_formula(T x, T a, T b) {
  if constexpr (op == UnaryOp::kCopy) return x;
  if constexpr (op == UnaryOp::kNeg) return -x;
  if constexpr (op == UnaryOp::kExp) return std::exp(x);
  if constexpr (op == UnaryOp::kLog) return std::log(x);
  if constexpr (op == UnaryOp::kSqrt) return std::sqrt(x);
  if constexpr (op == UnaryOp::kTanh) return std::tanh(x);
  if constexpr (op == UnaryOp::kSigmoid) return T(1) / (T(1) + std::exp(-x));
  if constexpr (op == UnaryOp::kRelu) return x > T(0) ? x : (x != x ? x : T(0));
  if constexpr (op == UnaryOp::kLeakyRelu) return x > T(0) ? x : a * x;
  if constexpr (op == UnaryOp::kAbs) return std::abs(x);
  if constexpr (op == UnaryOp::kSign) return T(x > T(0)) - T(x < T(0));
  if constexpr (op == UnaryOp::kClamp) return x < a ? a : (x > b ? b : x);
  if constexpr (op == UnaryOp::kInClamp) return (x >= a && x <= b) ? T(1) : T(0);
  if constexpr (op == UnaryOp::kPowScalar) return std::pow(x, a);
  if constexpr (op == UnaryOp::kAddScalar) return x + a;
  if constexpr (op == UnaryOp::kMulScalar) return a * x;
  if constexpr (op == UnaryOp::kReciprocal) return T(1) / x;
  if constexpr (op == UnaryOp::kStep) return x > T(0) ? T(1) : a;
}

template <BinaryOp op, class T>
ENGRAM_HOST_DEVICE ENGRAM_ALWAYS_INLINE T binary_formula(T x0, T x1, T a) {
  if constexpr (op == BinaryOp::kAdd) return x0 + x1;
  if constexpr (op == BinaryOp::kSub) return x0 - x1;
  if constexpr (op == BinaryOp::kMul) return x0 * x1;
  if constexpr (op == BinaryOp::kDiv) return x0 / x1;
  if constexpr (op == BinaryOp::kPow) return std::pow(x0, x1);
  if constexpr (op == BinaryOp::kMaximum) return x0 > x1 ? x0 : x1;
  if constexpr (op == BinaryOp::kMinimum) return x0 < x1 ? x0 : x1;
  if constexpr (op == BinaryOp::kGreater) return x0 > x1 ? T(1) : T(0);
  if constexpr (op == BinaryOp::kEqual) return x0 == x1 ? T(1) : T(0);
  if constexpr (op == BinaryOp::kStepMul) return x0 > T(0) ? x1 : a * x1;
}

/// Calls `visit.template operator()<op>()` for the run-time `op`.
template <class Visitor>
ENGRAM_ALWAYS_INLINE void visit_unary(UnaryOp op, const Visitor& visit) {
  switch (op) {
#define ENGRAM_CASE(name)                       \
  case UnaryOp::name:                           \
    visit.template operator()<UnaryOp::name>(); \
    return
    ENGRAM_CASE(kCopy);
    ENGRAM_CASE(kNeg);
    ENGRAM_CASE(kExp);
    ENGRAM_CASE(kLog);
    ENGRAM_CASE(kSqrt);
    ENGRAM_CASE(kTanh);
    ENGRAM_CASE(kSigmoid);
    ENGRAM_CASE(kRelu);
    ENGRAM_CASE(kLeakyRelu);
    ENGRAM_CASE(kAbs);
    ENGRAM_CASE(kSign);
    ENGRAM_CASE(kClamp);
    ENGRAM_CASE(kInClamp);
    ENGRAM_CASE(kPowScalar);
    ENGRAM_CASE(kAddScalar);
    ENGRAM_CASE(kMulScalar);
    ENGRAM_CASE(kReciprocal);
    ENGRAM_CASE(kStep);
#undef ENGRAM_CASE
  }
}

/// Calls `visit.template operator()<op>()` for the run-time `op`.
template <class Visitor>
ENGRAM_ALWAYS_INLINE void visit_binary(BinaryOp op, const Visitor& visit) {
  switch (op) {
#define ENGRAM_CASE(name)                        \
  case BinaryOp::name:                           \
    visit.template operator()<BinaryOp::name>(); \
    return
    ENGRAM_CASE(kAdd);
    ENGRAM_CASE(kSub);
    ENGRAM_CASE(kMul);
    ENGRAM_CASE(kDiv);
    ENGRAM_CASE(kPow);
    ENGRAM_CASE(kMaximum);
    ENGRAM_CASE(kMinimum);
    ENGRAM_CASE(kGreater);
    ENGRAM_CASE(kEqual);
    ENGRAM_CASE(kStepMul);
#undef ENGRAM_CASE
  }
}

}  // namespace engram::kernels
