#include "kernels/common/strided_reference.h"
#include "kernels/strided_copy/strided_copy.h"

namespace engram::kernels::reference {

void strided_copy(const StridedCopyArgs& args) {
  const auto* x = static_cast<const unsigned char*>(args.x);
  auto* y = static_cast<unsigned char*>(args.y);
  for (dim_t i = 0; i < position_count(args.rank, args.shape); ++i) {
    const dim_t from = strided_offset(i, args.rank, args.shape, args.stride_x) * args.element_bytes;
    const dim_t to = strided_offset(i, args.rank, args.shape, args.stride_y) * args.element_bytes;
    for (int b = 0; b < args.element_bytes; ++b) y[to + b] = x[from + b];
  }
}

void strided_add(const double* x, double* y, int rank, const dim_t* shape, const dim_t* stride_x,
                 const dim_t* stride_y) {
  for (dim_t i = 0; i < position_count(rank, shape); ++i) {
    y[strided_offset(i, rank, shape, stride_y)] += x[strided_offset(i, rank, shape, stride_x)];
  }
}

}  // namespace engram::kernels::reference
