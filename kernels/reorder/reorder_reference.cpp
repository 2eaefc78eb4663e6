#include "kernels/reorder/reorder.h"

namespace engram::kernels::reference {
namespace {

/// Calls `f(planar position, blocked position, inside)` for every element of the blocked side.
template <class F>
void for_each_element(const ReorderArgs& a, const F& f) {
  const dim_t pixels = a.h * a.w, padded = padded_channels(a.c, a.block);
  for (dim_t n = 0; n < a.n; ++n)
    for (dim_t c = 0; c < padded; ++c)
      for (dim_t p = 0; p < pixels; ++p) {
        const dim_t blocked = ((n * (padded / a.block) + c / a.block) * pixels + p) * a.block + c % a.block;
        f((n * a.c + c) * pixels + p, blocked, c < a.c);
      }
}

}  // namespace

void to_blocked(const ReorderArgs& a) {
  for_each_element(a, [&](dim_t planar, dim_t blocked, bool inside) { a.dst[blocked] = inside ? a.src[planar] : 0.f; });
}

void to_planar(const ReorderArgs& a) {
  for_each_element(a, [&](dim_t planar, dim_t blocked, bool inside) {
    if (inside) a.dst[planar] = a.src[blocked];
  });
}

}  // namespace engram::kernels::reference
