#pragma once
/// Operands that batch normalisation and the matching of its statistics share, and the branches that they took.

#include <cmath>

#include "kernel_cases/expected.h"
#include "kernel_cases/operands.h"

namespace engram::kernels {

/// Of forward calls. Values are in the order of the shape, as their references want them.
template <class Args>
void describe_channel_forward(cases::Operands& o, Args& a) {
  const dim_t count = a.shape.count();
  o.in("x", a.x, count).values(-1.4, 2);
  o.in("residual", a.residual, count).optional().values(-1.7, 1.7);
  o.in("gamma", a.gamma, a.shape.c).optional().values(0.2, 1.8);
  o.in("beta", a.beta, a.shape.c).optional();
  o.out("y", a.y, count).optional();
  o.out("mask", a.mask, activation_mask_words(count)).optional();
}

/// Statistics are sums of differences from a value of the channel, which may lie at an end of the range of x: what they
/// round by follows those differences (about 1, in squares up to 1 + 1.7^2), however small mean and variance are.
inline constexpr cases::Tolerance kMeanTolerance = {.of_largest = 1e-6, .least_scale = 1};
inline constexpr cases::Tolerance kVarianceTolerance = {.of_largest = 2e-6, .least_scale = 2};

/// Of backward calls.
template <class Args>
void describe_channel_backward(cases::Operands& o, Args& a) {
  const dim_t count = a.shape.count();
  o.in("x", a.x, count);
  o.in("grad_y", a.grad_y, count).optional().values(-1.7, 1.7);
  o.in("grad_y2", a.grad_y2, count).optional().values(-1.7, 1.7);
  o.in("mask", a.mask, activation_mask_words(count));
  o.in("gamma", a.gamma, a.shape.c).optional();
  o.out("grad_x", a.grad_x, count).optional();
  o.out("grad_residual", a.grad_residual, count).optional();
}

inline bool mask_bit(const std::uint16_t* mask, dim_t i) {
  return mask[i / 16] >> (i % 16) & 1;
}

/// After a forward call: the mask agrees with the values before the activation, away from 0.
inline void expect_mask(const ActivationShape& shape, Activation activation, const std::uint16_t* mask,
                        const std::vector<double>& before, cases::Expected& e) {
  if (!mask || activation == Activation::kNone) return;
  e.afterwards([=]() -> std::string {
    for (dim_t i = 0; i < shape.count(); ++i)
      if (const double value = before[std::size_t(i)]; std::abs(value) > 1e-3 && mask_bit(mask, i) != (value > 0))
        return "mask: expected the sign of " + std::to_string(value) + " at " + std::to_string(i);
    return {};
  });
}

/// Takes the branches that the kernel took, so that a value near 0 cannot disagree.
inline void take_branches(Activation activation, const std::uint16_t* mask, std::vector<double>& before) {
  if (activation == Activation::kNone) return;
  for (std::size_t i = 0; i < before.size(); ++i) before[i] = mask_bit(mask, dim_t(i)) ? 1 : -1;
}

/// Sum of the two gradients that come in.
inline std::vector<double> total_gradient(const ActivationShape& shape, const cases::Expected& e) {
  std::vector<double> total(std::size_t(shape.count()), 0.0);
  for (const char* name : {"grad_y", "grad_y2"})
    if (const double* g = e.in(name))
      for (std::size_t i = 0; i < total.size(); ++i) total[i] += g[i];
  return total;
}

}  // namespace engram::kernels
