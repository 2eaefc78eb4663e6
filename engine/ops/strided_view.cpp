#include "engine/ops/strided_view.h"

#include "engine/backend.h"
#include "engine/profiler.h"
#include "kernels/reduce/reduce.h"

namespace engram {

std::vector<bool> axis_mask(const char* op, const std::vector<int>& axes, int rank) {
  std::vector<bool> mask(std::size_t(rank), axes.empty());
  for (int axis : axes) {
    const int i = normalize_axis(op, axis, rank);
    if (mask[i]) throw ShapeError(message("[", op, "] expected each axis once, got axis ", i, " twice"));
    mask[i] = true;
  }
  return mask;
}

kernels::ReduceArgs reduce_args(kernels::ReduceOp op, const Tensor& x, const std::vector<bool>& reduced) {
  kernels::ReduceArgs args{};
  args.op = op;
  args.x = x.data<float>();
  const auto append = [&](bool is_reduced, dim_t extent, dim_t stride) {
    if (is_reduced) {
      args.reduced_shape[args.reduced_rank] = extent;
      args.reduced_stride[args.reduced_rank++] = stride;
    } else {
      args.kept_shape[args.kept_rank] = extent;
      args.kept_stride[args.kept_rank++] = stride;
    }
  };
  if (x.layout() == Layout::kBlocked) {
    // [N, C/b, H, W, b]: the channel axis splits in two, outer and inner.
    const auto s = x.activation();
    append(reduced[0], s.n, s.c * s.pixels());
    append(reduced[1], s.blocks(), s.pixels() * s.block);
    append(reduced[1], s.block, 1);
    append(reduced[2], s.h, s.w * s.block);
    append(reduced[3], s.w, s.block);
  } else {
    for (int i = 0; i < x.rank(); ++i) append(reduced[i], x.dim(i), x.strides()[i]);
  }
  return args;
}

void run_reduce(const char* name, kernels::ReduceArgs args, Device device) {
  const auto& kernels = backend(device).reduce;
  const std::size_t bytes = kernels.workspace_bytes(args);
  Tensor workspace;
  if (bytes > 0) {
    workspace = Tensor::empty({dim_t(bytes)}, DType::kU8, device);
    args.workspace = workspace.raw_data();
  }
  OpScope scope(name, kernels::reduce_cost(args));
  kernels.reduce(current_stream(device), args);
}

}  // namespace engram
