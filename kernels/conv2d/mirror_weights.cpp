#include "kernels/conv2d/mirror_weights.h"

#include <utility>

#include "kernels/common/parallel.h"

namespace engram::kernels {

bool has_mirror(const Conv2dShape& s) {
  return s.groups == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_h < s.kh && s.pad_w < s.kw;
}

Conv2dShape mirrored(const Conv2dShape& s) {
  Conv2dShape m = s;
  m.ih = s.oh();
  m.iw = s.ow();
  m.pad_h = s.kh - 1 - s.pad_h;
  m.pad_w = s.kw - 1 - s.pad_w;
  std::swap(m.ic, m.oc);
  std::swap(m.x_block, m.y_block);
  return m;
}

void mirror_weights(const float* src, dim_t out, dim_t in, dim_t taps, float* dst) {
  parallel_for(in, out * taps, [&](dim_t i) {
    for (dim_t o = 0; o < out; ++o)
      for (dim_t t = 0; t < taps; ++t) dst[(i * out + o) * taps + taps - 1 - t] = src[(o * in + i) * taps + t];
  });
}

}  // namespace engram::kernels
