#pragma once
/// Planar and channel-blocked copies of the same activation, for tests that compare a blocked kernel with a planar
/// oracle.

#include <vector>

#include "kernels/common/activation.h"

namespace engram::testing {

/// Position of planar element (n, c, p) in the block of `s`.
inline dim_t physical(const kernels::ActivationShape& s, dim_t n, dim_t c, dim_t p) {
  return ((n * s.blocks() + c / s.block) * s.pixels() + p) * s.block + c % s.block;
}

/// Planar [N,C,H,W] to the physical order of `s`.
template <class T>
std::vector<T> to_block(const kernels::ActivationShape& s, const std::vector<T>& planar) {
  std::vector<T> out(planar.size());
  for (dim_t n = 0; n < s.n; ++n)
    for (dim_t c = 0; c < s.c; ++c)
      for (dim_t p = 0; p < s.pixels(); ++p) out[physical(s, n, c, p)] = planar[(n * s.c + c) * s.pixels() + p];
  return out;
}

/// The physical order of `s` to planar [N,C,H,W].
template <class T>
std::vector<T> from_block(const kernels::ActivationShape& s, const std::vector<T>& data) {
  std::vector<T> out(data.size());
  for (dim_t n = 0; n < s.n; ++n)
    for (dim_t c = 0; c < s.c; ++c)
      for (dim_t p = 0; p < s.pixels(); ++p) out[(n * s.c + c) * s.pixels() + p] = data[physical(s, n, c, p)];
  return out;
}

}  // namespace engram::testing
