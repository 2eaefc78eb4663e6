#include "engine/ops/matmul.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/compute_mode.h"
#include "engine/ops/elementwise.h"
#include "engine/profiler.h"
#include "kernels/matmul/matmul.h"

namespace engram {
namespace {

/// Product of the last two axes, with a leading batch axis when `batched`.
Tensor product(const char* name, const Tensor& a, const Tensor& b, bool ta, bool tb, bool batched) {
  const int rank = batched ? 3 : 2;
  if (a.rank() != rank || b.rank() != rank || (batched && a.dim(0) != b.dim(0)) ||
      a.dim(ta ? -2 : -1) != b.dim(tb ? -1 : -2))
    throw ShapeError(message("[", name, "] expected matrices that fit, got ", a.describe(), ta ? " transposed" : "",
                             " and ", b.describe(), tb ? " transposed" : ""));
  check_one_device(name, {a, b});
  const Tensor left = a.detach().contiguous(), right = b.detach().contiguous();
  const dim_t m = a.dim(ta ? -1 : -2), n = b.dim(tb ? -2 : -1), k = a.dim(ta ? -2 : -1), batch = batched ? a.dim(0) : 1;
  Tensor c = Tensor::empty(batched ? Shape{batch, m, n} : Shape{m, n}, DType::kF32, a.device());
  if (k == 0) return Tensor::zeros(c.shape(), a.device());
  const kernels::MatmulArgs args{.m = m,
                                 .n = n,
                                 .k = k,
                                 .a = left.data<float>(),
                                 .b = right.data<float>(),
                                 .c = c.data<float>(),
                                 .transpose_a = ta,
                                 .transpose_b = tb,
                                 .lda = ta ? m : k,
                                 .ldb = tb ? k : n,
                                 .ldc = n,
                                 .batch = batch,
                                 .stride_a = m * k,
                                 .stride_b = k * n,
                                 .stride_c = m * n,
                                 .math = compute_mode().math};
  OpScope scope(name, kernels::matmul_cost(args));
  backend(a.device()).matmul.matmul(current_stream(a.device()), args);
  return c;
}

Tensor recorded_product(const char* name, const Tensor& a, const Tensor& b, bool ta, bool tb, bool batched) {
  Tensor c = product(name, a, b, ta, tb, batched);
  if (needs_record({a, b}))
    record(name, {a, b}, {&c}, [=, a = Saved(a), b = Saved(b)](BackwardContext& context) -> std::vector<Tensor> {
      const Tensor g = context.grad(), left = context.get(a), right = context.get(b);
      const auto multiply = [&](const Tensor& x, const Tensor& y, bool tx, bool ty) {
        return recorded_product(name, x, y, tx, ty, batched);
      };
      Tensor ga, gb;
      if (context.needs(0)) ga = ta ? multiply(right, g, tb, true) : multiply(g, right, false, !tb);
      if (context.needs(1)) gb = tb ? multiply(g, left, true, ta) : multiply(left, g, !ta, false);
      return {ga, gb};
    });
  return c;
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  return recorded_product("matmul", a, b, transpose_a, transpose_b, false);
}

Tensor batched_matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  return recorded_product("batched_matmul", a, b, transpose_a, transpose_b, true);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor y = matmul(x, weight, false, true);
  return bias.defined() ? add(y, bias) : y;
}

}  // namespace engram
