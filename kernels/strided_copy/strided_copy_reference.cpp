#include "kernels/strided_copy/strided_copy.h"

namespace engram::kernels::reference {
namespace {

dim_t offset_of(dim_t flat, int rank, const dim_t* shape, const dim_t* stride) {
  dim_t offset = 0;
  for (int i = rank - 1; i >= 0; --i) {
    offset += flat % shape[i] * stride[i];
    flat /= shape[i];
  }
  return offset;
}

dim_t product(int rank, const dim_t* shape) {
  dim_t count = 1;
  for (int i = 0; i < rank; ++i) count *= shape[i];
  return count;
}

}  // namespace

void strided_copy(const StridedCopyArgs& args) {
  const auto* x = static_cast<const unsigned char*>(args.x);
  auto* y = static_cast<unsigned char*>(args.y);
  for (dim_t i = 0; i < product(args.rank, args.shape); ++i) {
    const dim_t from = offset_of(i, args.rank, args.shape, args.stride_x) * args.element_bytes;
    const dim_t to = offset_of(i, args.rank, args.shape, args.stride_y) * args.element_bytes;
    for (int b = 0; b < args.element_bytes; ++b) y[to + b] = x[from + b];
  }
}

void strided_add(const double* x, double* y, int rank, const dim_t* shape, const dim_t* stride_x,
                 const dim_t* stride_y) {
  for (dim_t i = 0; i < product(rank, shape); ++i) {
    y[offset_of(i, rank, shape, stride_y)] += x[offset_of(i, rank, shape, stride_x)];
  }
}

}  // namespace engram::kernels::reference
