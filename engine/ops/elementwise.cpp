#include "engine/ops/elementwise.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/ops/layout.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"
#include "kernels/elementwise/elementwise.h"

namespace engram {
namespace {

using kernels::BinaryOp;
using kernels::UnaryOp;

void check_f32(const char* op, const Tensor& x) {
  if (!x.defined()) throw UsageError(message("[", op, "] expected a tensor, got an empty handle"));
  if (x.dtype() != DType::kF32) throw DTypeError(message("[", op, "] expected f32, got ", x.describe()));
}

Tensor unary_forward(const char* name, UnaryOp op, const Tensor& x, float a = 0, float b = 0) {
  check_f32(name, x);
  const Tensor source = x.is_dense() ? x : x.detach().contiguous();
  Tensor y = Tensor::empty(x.shape(), DType::kF32, x.device(), source.layout());
  OpScope scope(name, kernels::unary_cost(x.numel()));
  backend(x.device())
      .elementwise.unary(current_stream(x.device()), {op, source.data<float>(), y.data<float>(), x.numel(), a, b});
  return y;
}

/// Strides of `x` stretched over `shape`.
void broadcast_strides(const Tensor& x, const Shape& shape, dim_t* strides) {
  const int lead = int(shape.size()) - x.rank();
  for (int i = 0; i < int(shape.size()); ++i)
    strides[i] = i < lead || x.shape()[i - lead] == 1 ? 0 : x.strides()[i - lead];
}

Tensor binary_forward(const char* name, BinaryOp op, const Tensor& x0, const Tensor& x1, float a = 0) {
  check_f32(name, x0);
  check_f32(name, x1);
  check_one_device(name, {x0, x1});
  const auto& kernels = backend(x0.device()).elementwise;
  const kernels::Stream stream = current_stream(x0.device());
  NoGradGuard no_grad;
  if (x0.shape() == x1.shape()) {
    const bool blocked = x0.layout() == Layout::kBlocked || x1.layout() == Layout::kBlocked;
    const Tensor left = blocked ? x0.blocked() : x0, right = blocked ? x1.blocked() : x1;
    if (left.is_dense() && right.is_dense()) {
      Tensor y = Tensor::empty(x0.shape(), DType::kF32, x0.device(), left.layout());
      OpScope scope(name, kernels::binary_cost(y.numel()));
      kernels.binary(stream, {op, left.data<float>(), right.data<float>(), y.data<float>(), y.numel(), a});
      return y;
    }
  }
  const Tensor left = x0.layout() == Layout::kBlocked ? x0.contiguous() : x0;
  const Tensor right = x1.layout() == Layout::kBlocked ? x1.contiguous() : x1;
  const Shape shape = broadcast_shapes(name, x0.shape(), x1.shape());
  Tensor y = Tensor::empty(shape, DType::kF32, x0.device());
  kernels::BinaryBroadcastArgs args{.op = op,
                                    .x0 = left.data<float>(),
                                    .x1 = right.data<float>(),
                                    .y = y.data<float>(),
                                    .rank = int(shape.size()),
                                    .shape = {},
                                    .stride0 = {},
                                    .stride1 = {},
                                    .a = a};
  for (int i = 0; i < args.rank; ++i) args.shape[i] = shape[i];
  broadcast_strides(left, shape, args.stride0);
  broadcast_strides(right, shape, args.stride1);
  OpScope scope(name, kernels::binary_cost(y.numel()));
  if (y.numel() > 0) kernels.binary_broadcast(stream, args);
  return y;
}

/// Records a unary operation whose gradient is g times something computed from the saved tensor.
template <class Derivative>
Tensor recorded_unary(const char* name, Tensor y, const Tensor& x, Saved saved, Derivative derivative) {
  if (needs_record({x}))
    record(name, {x}, {&y}, [saved, derivative](BackwardContext& context) -> std::vector<Tensor> {
      return {derivative(context.grad(), context.get(saved))};
    });
  return y;
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  Tensor y = binary_forward("add", BinaryOp::kAdd, a, b);
  if (needs_record({a, b}))
    record("add", {a, b}, {&y}, [sa = a.shape(), sb = b.shape()](BackwardContext& context) -> std::vector<Tensor> {
      const Tensor g = context.grad();
      return {context.needs(0) ? sum_to(g, sa) : Tensor(), context.needs(1) ? sum_to(g, sb) : Tensor()};
    });
  return y;
}

Tensor sub(const Tensor& a, const Tensor& b) {
  Tensor y = binary_forward("sub", BinaryOp::kSub, a, b);
  if (needs_record({a, b}))
    record("sub", {a, b}, {&y}, [sa = a.shape(), sb = b.shape()](BackwardContext& context) -> std::vector<Tensor> {
      const Tensor g = context.grad();
      return {context.needs(0) ? sum_to(g, sa) : Tensor(), context.needs(1) ? neg(sum_to(g, sb)) : Tensor()};
    });
  return y;
}

Tensor mul(const Tensor& a, const Tensor& b) {
  Tensor y = binary_forward("mul", BinaryOp::kMul, a, b);
  if (needs_record({a, b}))
    record(
        "mul", {a, b}, {&y},
        [sa = a.shape(), sb = b.shape(), a = Saved(a), b = Saved(b)](BackwardContext& context) -> std::vector<Tensor> {
          const Tensor g = context.grad();
          return {context.needs(0) ? sum_to(mul(g, context.get(b)), sa) : Tensor(),
                  context.needs(1) ? sum_to(mul(g, context.get(a)), sb) : Tensor()};
        });
  return y;
}

Tensor div(const Tensor& a, const Tensor& b) {
  Tensor y = binary_forward("div", BinaryOp::kDiv, a, b);
  if (needs_record({a, b}))
    record("div", {a, b}, {&y},
           [sa = a.shape(), sb = b.shape(), b = Saved(b),
            y = Saved::output(y)](BackwardContext& context) -> std::vector<Tensor> {
             const Tensor per_b = div(context.grad(), context.get(b));
             return {context.needs(0) ? sum_to(per_b, sa) : Tensor(),
                     context.needs(1) ? neg(sum_to(mul(per_b, context.get(y)), sb)) : Tensor()};
           });
  return y;
}

Tensor pow(const Tensor& a, const Tensor& b) {
  Tensor y = binary_forward("pow", BinaryOp::kPow, a, b);
  if (needs_record({a, b}))
    record("pow", {a, b}, {&y},
           [sa = a.shape(), sb = b.shape(), a = Saved(a), b = Saved(b),
            y = Saved::output(y)](BackwardContext& context) -> std::vector<Tensor> {
             const Tensor g = context.grad(), base = context.get(a), exponent = context.get(b);
             Tensor ga, gb;
             if (context.needs(0)) ga = sum_to(mul(g, mul(exponent, pow(base, add(exponent, -1.f)))), sa);
             if (context.needs(1)) gb = sum_to(mul(g, mul(context.get(y), log(base))), sb);
             return {ga, gb};
           });
  return y;
}

namespace {

Tensor extreme(const char* name, BinaryOp op, const Tensor& a, const Tensor& b) {
  Tensor y = binary_forward(name, op, a, b);
  if (needs_record({a, b}))
    record(name, {a, b}, {&y},
           [op, sa = a.shape(), sb = b.shape(), a = Saved(a),
            b = Saved(b)](BackwardContext& context) -> std::vector<Tensor> {
             const Tensor g = context.grad(), left = context.get(a), right = context.get(b);
             const Tensor takes_a = op == BinaryOp::kMaximum ? greater(left, right) : greater(right, left);
             return {context.needs(0) ? sum_to(mul(g, takes_a), sa) : Tensor(),
                     context.needs(1) ? sum_to(mul(g, add(neg(takes_a), 1.f)), sb) : Tensor()};
           });
  return y;
}

}  // namespace

Tensor maximum(const Tensor& a, const Tensor& b) {
  return extreme("maximum", BinaryOp::kMaximum, a, b);
}
Tensor minimum(const Tensor& a, const Tensor& b) {
  return extreme("minimum", BinaryOp::kMinimum, a, b);
}
Tensor greater(const Tensor& a, const Tensor& b) {
  return binary_forward("greater", BinaryOp::kGreater, a, b);
}
Tensor equal(const Tensor& a, const Tensor& b) {
  return binary_forward("equal", BinaryOp::kEqual, a, b);
}

Tensor step_mul(const Tensor& x, const Tensor& g, float slope) {
  if (x.shape() != g.shape())
    throw ShapeError(message("[step_mul] expected equal shapes, got ", x.describe(), " and ", g.describe()));
  Tensor y = binary_forward("step_mul", BinaryOp::kStepMul, x, g, slope);
  if (needs_record({g}))
    record("step_mul", {g}, {&y}, [slope, x = Saved(x.detach())](BackwardContext& context) -> std::vector<Tensor> {
      return {step_mul(context.get(x), context.grad(), slope)};
    });
  return y;
}

Tensor add(const Tensor& x, float value) {
  return recorded_unary("add_scalar", unary_forward("add_scalar", UnaryOp::kAddScalar, x, value), x, {},
                        [](const Tensor& g, const Tensor&) { return g; });
}

Tensor mul(const Tensor& x, float value) {
  return recorded_unary("mul_scalar", unary_forward("mul_scalar", UnaryOp::kMulScalar, x, value), x, {},
                        [value](const Tensor& g, const Tensor&) { return mul(g, value); });
}

Tensor pow(const Tensor& x, float exponent) {
  return recorded_unary(
      "pow_scalar", unary_forward("pow_scalar", UnaryOp::kPowScalar, x, exponent), x, x,
      [exponent](const Tensor& g, const Tensor& saved) { return mul(g, mul(pow(saved, exponent - 1.f), exponent)); });
}

Tensor neg(const Tensor& x) {
  return recorded_unary("neg", unary_forward("neg", UnaryOp::kNeg, x), x, {},
                        [](const Tensor& g, const Tensor&) { return neg(g); });
}

Tensor exp(const Tensor& x) {
  Tensor y = unary_forward("exp", UnaryOp::kExp, x);
  return recorded_unary("exp", y, x, Saved::output(y), [](const Tensor& g, const Tensor& out) { return mul(g, out); });
}

Tensor log(const Tensor& x) {
  return recorded_unary("log", unary_forward("log", UnaryOp::kLog, x), x, x,
                        [](const Tensor& g, const Tensor& saved) { return div(g, saved); });
}

Tensor sqrt(const Tensor& x) {
  Tensor y = unary_forward("sqrt", UnaryOp::kSqrt, x);
  return recorded_unary("sqrt", y, x, Saved::output(y),
                        [](const Tensor& g, const Tensor& out) { return div(mul(g, 0.5f), out); });
}

Tensor tanh(const Tensor& x) {
  Tensor y = unary_forward("tanh", UnaryOp::kTanh, x);
  return recorded_unary("tanh", y, x, Saved::output(y),
                        [](const Tensor& g, const Tensor& out) { return mul(g, 1.f - square(out)); });
}

Tensor sigmoid(const Tensor& x) {
  Tensor y = unary_forward("sigmoid", UnaryOp::kSigmoid, x);
  return recorded_unary("sigmoid", y, x, Saved::output(y),
                        [](const Tensor& g, const Tensor& out) { return mul(g, mul(out, 1.f - out)); });
}

Tensor relu(const Tensor& x) {
  Tensor y = unary_forward("relu", UnaryOp::kRelu, x);
  return recorded_unary("relu", y, x, Saved(y.detach()),
                        [](const Tensor& g, const Tensor& out) { return step_mul(out, g); });
}

Tensor leaky_relu(const Tensor& x, float slope) {
  return recorded_unary("leaky_relu", unary_forward("leaky_relu", UnaryOp::kLeakyRelu, x, slope), x, Saved(x.detach()),
                        [slope](const Tensor& g, const Tensor& saved) { return step_mul(saved, g, slope); });
}

Tensor abs(const Tensor& x) {
  return recorded_unary("abs", unary_forward("abs", UnaryOp::kAbs, x), x, Saved(x.detach()),
                        [](const Tensor& g, const Tensor& saved) { return mul(g, sign(saved)); });
}

Tensor sign(const Tensor& x) {
  return unary_forward("sign", UnaryOp::kSign, x);
}

Tensor clamp(const Tensor& x, float low, float high) {
  if (!(low <= high)) throw UsageError(message("[clamp] expected low <= high, got ", low, " and ", high));
  return recorded_unary("clamp", unary_forward("clamp", UnaryOp::kClamp, x, low, high), x, Saved(x.detach()),
                        [low, high](const Tensor& g, const Tensor& saved) {
                          return mul(g, unary_forward("in_clamp", UnaryOp::kInClamp, saved, low, high));
                        });
}

Tensor square(const Tensor& x) {
  return mul(x, x);
}

void add_in_place(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.layout() != b.layout() || !a.is_dense() || !b.is_dense())
    throw ShapeError(message("[add_in_place] expected dense tensors of one shape and layout, got ", a.describe(),
                             " and ", b.describe()));
  check_one_device("add_in_place", {a, b});
  OpScope scope("add_in_place", kernels::binary_cost(a.numel()));
  backend(a.device())
      .elementwise.binary(current_stream(a.device()),
                          {BinaryOp::kAdd, a.data<float>(), b.data<float>(), a.data<float>(), a.numel()});
  a.bump_version();
}

Tensor convert(const Tensor& x, DType dtype) {
  const Tensor source = x.is_dense() ? x.detach() : x.detach().contiguous();
  Tensor y = Tensor::empty(x.shape(), dtype, x.device(), source.layout());
  backend(x.device())
      .elementwise.convert(current_stream(x.device()), {source.raw_data(), x.dtype(), y.raw_data(), dtype, x.numel()});
  return y;
}

}  // namespace engram
