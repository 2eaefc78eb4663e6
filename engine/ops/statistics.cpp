#include "engine/ops/statistics.h"

#include "engine/autograd.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/reduce.h"
#include "engine/ops/strided_view.h"
#include "kernels/reduce/reduce.h"

namespace engram {
namespace {

using kernels::ReduceOp;

/// The extents of a reduction's result, with the reduced axes as 1 and without them.
struct ReducedShape {
  std::vector<bool> reduced;
  Shape kept, squeezed;
  dim_t count = 1;  ///< elements behind one result

  ReducedShape(const char* op, const Tensor& x, const std::vector<int>& axes) : reduced(axis_mask(op, axes, x.rank())) {
    if (x.dtype() != DType::kF32) throw DTypeError(message("[", op, "] expected f32, got ", x.describe()));
    for (int i = 0; i < x.rank(); ++i) {
      kept.push_back(reduced[i] ? 1 : x.dim(i));
      if (reduced[i]) {
        count *= x.dim(i);
      } else {
        squeezed.push_back(x.dim(i));
      }
    }
  }
  const Shape& shape(bool keepdim) const { return keepdim ? kept : squeezed; }
};

void check_not_empty(const char* op, const Tensor& x, const ReducedShape& r) {
  if (r.count == 0) throw ShapeError(message("[", op, "] expected at least one element to reduce, got ", x.describe()));
}

Tensor extreme(const char* name, ReduceOp op, const Tensor& x, const std::vector<int>& axes, bool keepdim) {
  const ReducedShape r(name, x, axes);
  check_not_empty(name, x, r);
  Tensor y = Tensor::empty(r.shape(keepdim), DType::kF32, x.device());
  kernels::ReduceArgs args = reduce_args(op, x, r.reduced);
  args.y = y.data<float>();
  run_reduce(name, args, x.device());
  if (needs_record({x}))
    record(name, {x}, {&y},
           [axes, kept = r.kept, x = Saved(x.detach()),
            y = Saved(y.detach())](BackwardContext& context) -> std::vector<Tensor> {
             const Tensor input = context.get(x);
             const Tensor winners = equal(input, expand(reshape(context.get(y), kept), input.shape()));
             const Tensor share = div(reshape(context.grad(), kept), sum(winners, axes, true));
             return {mul(expand(share, input.shape()), winners)};
           });
  return y;
}

Tensor position_of_extreme(const char* name, ReduceOp op, const Tensor& x, int axis, bool keepdim) {
  const ReducedShape r(name, x, {axis});
  check_not_empty(name, x, r);
  Tensor y = Tensor::empty(r.shape(keepdim), DType::kI32, x.device());
  kernels::ReduceArgs args = reduce_args(op, x, r.reduced);
  args.index = y.data<std::int32_t>();
  run_reduce(name, args, x.device());
  return y;
}

}  // namespace

Tensor max(const Tensor& x, const std::vector<int>& axes, bool keepdim) {
  return extreme("max", ReduceOp::kMax, x, axes, keepdim);
}
Tensor min(const Tensor& x, const std::vector<int>& axes, bool keepdim) {
  return extreme("min", ReduceOp::kMin, x, axes, keepdim);
}
Tensor argmax(const Tensor& x, int axis, bool keepdim) {
  return position_of_extreme("argmax", ReduceOp::kMax, x, axis, keepdim);
}
Tensor argmin(const Tensor& x, int axis, bool keepdim) {
  return position_of_extreme("argmin", ReduceOp::kMin, x, axis, keepdim);
}

Tensor var(const Tensor& x, const std::vector<int>& axes, bool keepdim, int correction) {
  const ReducedShape r("var", x, axes);
  if (r.count <= correction)
    throw ShapeError(message("[var] expected more than ", correction, " elements to reduce, got ", x.describe()));
  const Tensor squares = square(sub(x, mean(x, axes, true)));
  return mul(sum(squares, axes, keepdim), float(1.0 / double(r.count - correction)));
}

Tensor norm(const Tensor& x, const std::vector<int>& axes, bool keepdim) {
  const ReducedShape r("norm", x, axes);
  Tensor squares = Tensor::empty(r.shape(keepdim), DType::kF32, x.device());
  kernels::ReduceArgs args = reduce_args(ReduceOp::kSumSquares, x, r.reduced);
  args.y = squares.data<float>();
  if (squares.numel() > 0) run_reduce("norm", args, x.device());
  Tensor y = sqrt(squares);
  if (needs_record({x}))
    record("norm", {x}, {&y},
           [kept = r.kept, x = Saved(x), y = Saved::output(y)](BackwardContext& context) -> std::vector<Tensor> {
             const Tensor length = context.get(y), input = context.get(x);
             const Tensor safe =
                 add(length, equal(length, Tensor::scalar(0, length.device())));  // x / 1 = 0 where the norm is 0
             return {mul(input, expand(reshape(div(context.grad(), safe), kept), input.shape()))};
           });
  return y;
}

}  // namespace engram
