#include "kernels/common/strided_reference.h"
#include "kernels/reduce/reduce.h"

namespace engram::kernels::reference {

void reduce(const ReduceArgs& args, double* y, std::int32_t* index) {
  const dim_t kept = position_count(args.kept_rank, args.kept_shape);
  const dim_t reduced = position_count(args.reduced_rank, args.reduced_shape);
  for (dim_t k = 0; k < kept; ++k) {
    const float* x = args.x + strided_offset(k, args.kept_rank, args.kept_shape, args.kept_stride);
    double value = 0;
    dim_t best = 0;
    for (dim_t r = 0; r < reduced; ++r) {
      const double v = x[strided_offset(r, args.reduced_rank, args.reduced_shape, args.reduced_stride)];
      if (args.op == ReduceOp::kSum) {
        value += v;
      } else if (args.op == ReduceOp::kSumSquares) {
        value += v * v;
      } else {
        const bool better = args.op == ReduceOp::kMax ? v > value : v < value;
        if (r == 0 || better || (v != v && value == value)) {
          value = v;
          best = r;
        }
      }
    }
    const bool is_sum = args.op == ReduceOp::kSum || args.op == ReduceOp::kSumSquares;
    y[k] = is_sum ? args.scale * value : value;
    if (index) index[k] = static_cast<std::int32_t>(best);
  }
}

}  // namespace engram::kernels::reference
