#include "engine/ops/linear_relu.h"

#include <algorithm>

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
#include "engine/compute_mode.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/strided_view.h"
#include "engine/profiler.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/matmul/matmul.h"

namespace engram {
namespace {

void check_layer(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!x.defined() || !weight.defined() || !bias.defined())
    throw UsageError("[linear_relu] expected inputs, weights and biases, got an empty handle");
  for (const Tensor& t : {x, weight, bias})
    if (t.dtype() != DType::kF32) throw DTypeError(message("[linear_relu] expected f32, got ", t.describe()));
  if (x.rank() != 2 || weight.rank() != 2 || x.dim(1) != weight.dim(1) || x.dim(1) == 0 ||
      bias.shape() != Shape{weight.dim(0)})
    throw ShapeError(message("[linear_relu] expected x [n,in], weights [out,in] and biases [out], got ", x.describe(),
                             ", ", weight.describe(), " and ", bias.describe()));
  check_one_device("linear_relu", {x, weight, bias});
}

/// Rows that are taken at a time. A block of outputs of 2 MB fits the second-level caches of two cores, and is long
/// enough for the product.
dim_t block_rows(const Tensor& y) {
  constexpr dim_t kBlockValues = dim_t(1) << 19, kLeastRows = 256;
  return y.device().is_cpu() ? std::min(y.dim(0), std::max(kLeastRows, kBlockValues / y.dim(1))) : y.dim(0);
}

/// Rows [begin, begin + count) of a dense matrix, a view.
Tensor rows_of(const Tensor& t, dim_t begin, dim_t count) {
  return t.alias({count, t.dim(1)}, {t.dim(1), 1}, t.impl()->offset + begin * t.dim(1));
}

/// Calls body(first row, rows) for each block of rows of y.
template <class Body>
void for_blocks(const Tensor& y, const Body& body) {
  const dim_t rows = y.dim(0), block = block_rows(y);
  for (dim_t begin = 0; begin < rows; begin += block) body(begin, std::min(block, rows - begin));
}

/// c = op(a) op(b), or what it adds to c; dense matrices.
void multiply(const Tensor& a, bool ta, const Tensor& b, bool tb, const Tensor& c, bool adds = false) {
  const kernels::MatmulArgs args{.m = c.dim(0),
                                 .n = c.dim(1),
                                 .k = a.dim(ta ? 0 : 1),
                                 .a = a.data<float>(),
                                 .b = b.data<float>(),
                                 .c = c.data<float>(),
                                 .transpose_a = ta,
                                 .transpose_b = tb,
                                 .lda = a.dim(1),
                                 .ldb = b.dim(1),
                                 .ldc = c.dim(1),
                                 .beta = adds ? 1.f : 0.f,
                                 .math = compute_mode().math};
  OpScope scope("matmul", kernels::matmul_cost(args));
  backend(c.device()).matmul.matmul(current_stream(c.device()), args);
}

/// y = max(y + bias, 0) in every row.
void add_bias_and_clip(const Tensor& bias, const Tensor& y) {
  const auto& elementwise = backend(y.device()).elementwise;
  const kernels::Stream stream = current_stream(y.device());
  float* values = y.data<float>();
  OpScope scope("linear_relu", kernels::unary_cost(y.numel()));
  elementwise.binary_broadcast(stream, {.op = kernels::BinaryOp::kAdd,
                                        .x0 = values,
                                        .x1 = bias.data<float>(),
                                        .y = values,
                                        .rank = 2,
                                        .shape = {y.dim(0), y.dim(1)},
                                        .stride0 = {y.dim(1), 1},
                                        .stride1 = {0, 1}});
  elementwise.unary(stream, {kernels::UnaryOp::kRelu, values, values, y.numel()});
}

Tensor forward(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor y = Tensor::empty({x.dim(0), weight.dim(0)}, DType::kF32, x.device());
  for_blocks(y, [&](dim_t begin, dim_t count) {
    const Tensor some = rows_of(y, begin, count);
    multiply(rows_of(x, begin, count), false, weight, true, some);
    add_bias_and_clip(bias, some);
  });
  return y;
}

/// open = g where y > 0, else 0.
void mask(const Tensor& y, const Tensor& g, const Tensor& open) {
  OpScope scope("linear_relu_backward", kernels::binary_cost(y.numel()));
  backend(y.device())
      .elementwise.binary(current_stream(y.device()), {kernels::BinaryOp::kStepMul, y.data<float>(), g.data<float>(),
                                                       open.data<float>(), y.numel()});
}

/// Gradients to x, weight and bias, those that are needed.
std::vector<Tensor> gradients(const BackwardContext& context, const Tensor& x, const Tensor& weight, const Tensor& y,
                              const Tensor& g) {
  const auto empty_if = [&](int index, const Shape& shape) {
    return context.needs(index) ? Tensor::empty(shape, DType::kF32, x.device()) : Tensor();
  };
  const dim_t out = y.dim(1), block = block_rows(y);
  const Tensor grad_x = empty_if(0, x.shape()), grad_weight = empty_if(1, weight.shape());
  const Tensor sums = empty_if(2, {(y.dim(0) + block - 1) / block, out});
  const Tensor scratch = Tensor::empty({block, out}, DType::kF32, x.device());
  for_blocks(y, [&](dim_t begin, dim_t count) {
    const Tensor open = rows_of(scratch, 0, count);
    mask(rows_of(y, begin, count), rows_of(g, begin, count), open);
    if (grad_x.defined()) multiply(open, false, weight, false, rows_of(grad_x, begin, count));
    if (grad_weight.defined()) multiply(open, true, rows_of(x, begin, count), false, grad_weight, begin > 0);
    if (sums.defined()) {
      kernels::ReduceArgs args = reduce_args(kernels::ReduceOp::kSum, open, {true, false});
      args.y = sums.data<float>() + begin / block * out;
      run_reduce("sum", args, x.device());
    }
  });
  return {grad_x, grad_weight, sums.defined() ? sum(sums, {0}) : Tensor()};
}

}  // namespace

Tensor linear_relu(const Tensor& given_x, const Tensor& given_weight, const Tensor& given_bias) {
  check_layer(given_x, given_weight, given_bias);
  if (given_x.dim(0) == 0 || given_weight.dim(0) == 0) return relu(linear(given_x, given_weight, given_bias));
  const Tensor x = given_x.contiguous(), weight = given_weight.contiguous(), bias = given_bias.contiguous();
  Tensor y = forward(x.detach(), weight.detach(), bias.detach());
  record_fused(
      "linear_relu", {x, weight, bias}, {&y},
      [y = Saved::output(y)](BackwardContext& context, const auto& in) {
        return gradients(context, in[0], in[1], context.get(y), context.grad().contiguous());
      },
      [](const auto& in) { return std::vector{relu(linear(in[0], in[1], in[2]))}; });
  return y;
}

}  // namespace engram
