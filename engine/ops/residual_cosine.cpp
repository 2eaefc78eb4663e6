#include "engine/ops/residual_cosine.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/losses.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"
#include "kernels/residual_cosine/residual_cosine.h"

namespace engram {
namespace {

void check_f32(const char* op, std::initializer_list<Tensor> tensors) {
  for (const Tensor& t : tensors) {
    if (!t.defined()) throw UsageError(message("[", op, "] expected a tensor, got an empty handle"));
    if (t.dtype() != DType::kF32) throw DTypeError(message("[", op, "] expected f32, got ", t.describe()));
  }
  check_one_device(op, tensors);
}

/// Logits and what stands beside them: two matrices of one shape with at least one element.
void check_rows(const char* op, const Tensor& logits, const Tensor& others) {
  if (logits.rank() != 2 || logits.numel() == 0 || logits.shape() != others.shape())
    throw ShapeError(message("[", op, "] expected logits and targets of one shape [rows, classes], got ",
                             logits.describe(), " and ", others.describe()));
}

Tensor empty(const Shape& shape, const Tensor& like) {
  return Tensor::empty(shape, DType::kF32, like.device());
}

Tensor recorded_losses(const Tensor& logits, const Tensor& targets, bool twice) {
  const Tensor p = twice ? softmax(logits) : logits;
  return neg(sum(mul(log_softmax(p), targets), {1}));
}

Tensor losses_gradient(const Tensor& residual, const Tensor& targets, const Tensor& grad, bool twice) {
  const dim_t rows = residual.dim(0), classes = residual.dim(1);
  const Tensor result = empty(residual.shape(), residual);
  OpScope scope("head_residual_backward", kernels::head_residual_backward_cost(rows, classes, twice));
  backend(residual.device())
      .residual_cosine.head_residual_backward(current_stream(residual.device()), {.residual = residual.data<float>(),
                                                                                  .targets = targets.data<float>(),
                                                                                  .grad_rows = grad.data<float>(),
                                                                                  .rows = rows,
                                                                                  .classes = classes,
                                                                                  .twice = twice,
                                                                                  .grad_logits = result.data<float>()});
  return result;
}

/// Dense operands of the cosine.
struct Operands {
  Tensor residual1, residual2, targets1, targets2;
  HeadGrams grams;
  float eps;

  kernels::ResidualPair pair() const {
    return {.residual1 = residual1.data<float>(),
            .residual2 = residual2.data<float>(),
            .gram11 = grams.own1.data<float>(),
            .gram22 = grams.own2.data<float>(),
            .gram12 = grams.cross.data<float>(),
            .rows = residual1.dim(0),
            .classes1 = residual1.dim(1),
            .classes2 = residual2.dim(1),
            .eps = eps};
  }
};

void check_cosine(const ResidualSide& a, const ResidualSide& b, const HeadGrams& grams) {
  constexpr const char* kName = "residual_cosine";
  check_f32(kName,
            {a.logits, a.targets, a.residual, b.logits, b.targets, b.residual, grams.own1, grams.own2, grams.cross});
  for (const ResidualSide& side : {a, b}) {
    check_rows(kName, side.logits, side.targets);
    check_rows(kName, side.logits, side.residual);
  }
  const dim_t n1 = a.logits.dim(1), n2 = b.logits.dim(1);
  if (a.logits.dim(0) != b.logits.dim(0) || grams.own1.shape() != Shape{n1, n1} ||
      grams.own2.shape() != Shape{n2, n2} || grams.cross.shape() != Shape{n1, n2})
    throw ShapeError(message("[", kName, "] expected equal rows and Gram matrices of ", n1, " and ", n2,
                             " classes, got ", a.logits.describe(), ", ", b.logits.describe(), ", ",
                             grams.own1.describe(), ", ", grams.own2.describe(), " and ", grams.cross.describe()));
}

/// Gradients to logits of both sides and to the three Gram matrices.
std::vector<Tensor> cosine_gradients(const BackwardContext& context, const Operands& o, const ResidualCosine& result,
                                     const Tensor& grad) {
  const Device device = grad.device();
  const kernels::ResidualPair pair = o.pair();
  const Tensor logits1 = context.needs(0) ? empty(o.residual1.shape(), grad) : Tensor();
  const Tensor logits2 = context.needs(1) ? empty(o.residual2.shape(), grad) : Tensor();
  const Tensor own1 = empty(o.grams.own1.shape(), grad), own2 = empty(o.grams.own2.shape(), grad),
               cross = empty(o.grams.cross.shape(), grad);
  const auto& family = backend(device).residual_cosine;
  const Tensor workspace =
      Tensor::empty({dim_t(family.workspace_bytes(pair.rows, pair.classes1, pair.classes2))}, DType::kU8, device);
  OpScope scope("residual_cosine_backward",
                kernels::residual_cosine_backward_cost(pair, logits1.defined() || logits2.defined()));
  family.backward(current_stream(device), {.pair = pair,
                                           .cos = result.cosine.data<float>(),
                                           .norm1 = result.norm1.data<float>(),
                                           .norm2 = result.norm2.data<float>(),
                                           .grad_cos = grad.data<float>(),
                                           .targets1 = o.targets1.data<float>(),
                                           .targets2 = o.targets2.data<float>(),
                                           .grad_gram11 = own1.data<float>(),
                                           .grad_gram22 = own2.data<float>(),
                                           .grad_gram12 = cross.data<float>(),
                                           .grad_logits1 = logits1.defined() ? logits1.data<float>() : nullptr,
                                           .grad_logits2 = logits2.defined() ? logits2.data<float>() : nullptr,
                                           .workspace = workspace.raw_data()});
  return {logits1, logits2, own1, own2, cross};
}

/// The cosine of logits and Gram matrices in recorded operations.
Tensor recorded_cosine(const std::vector<Tensor>& in, const Tensor& targets1, const Tensor& targets2, float eps) {
  const Tensor r1 = sub(softmax(in[0]), targets1), r2 = sub(softmax(in[1]), targets2);
  const auto form = [](const Tensor& a, const Tensor& gram, const Tensor& b) {
    return sum(mul(matmul(a, gram), b), {1});
  };
  const Tensor norm1 = sqrt(form(r1, in[2], r1)), norm2 = sqrt(form(r2, in[3], r2));
  return div(form(r1, in[4], r2), mul(add(norm1, eps), add(norm2, eps)));
}

}  // namespace

HeadResidual head_residual(const Tensor& given, const Tensor& given_targets, bool twice) {
  constexpr const char* kName = "head_residual";
  check_f32(kName, {given, given_targets});
  check_rows(kName, given, given_targets);
  const Tensor logits = given.contiguous(), targets = given_targets.detach().contiguous();
  const dim_t rows = logits.dim(0), classes = logits.dim(1);
  HeadResidual result = {empty({rows}, logits), empty(logits.shape(), logits)};
  {
    OpScope scope(kName, kernels::head_residual_cost(rows, classes));
    backend(logits.device())
        .residual_cosine.head_residual(current_stream(logits.device()), {.logits = logits.data<float>(),
                                                                         .targets = targets.data<float>(),
                                                                         .rows = rows,
                                                                         .classes = classes,
                                                                         .twice = twice,
                                                                         .residual = result.residual.data<float>(),
                                                                         .row_loss = result.losses.data<float>()});
  }
  record_fused(
      kName, {logits, targets, result.residual}, {&result.losses},
      [twice](BackwardContext& context, const auto& in) {
        return std::vector{losses_gradient(in[2], in[1], context.grad().contiguous(), twice)};
      },
      [twice](const auto& in) { return std::vector{recorded_losses(in[0], in[1], twice)}; });
  return result;
}

ResidualCosine residual_cosine(const ResidualSide& side1, const ResidualSide& side2, const HeadGrams& given,
                               float eps) {
  check_cosine(side1, side2, given);
  const HeadGrams grams = {given.own1.contiguous(), given.own2.contiguous(), given.cross.contiguous()};
  const auto constant = [](const Tensor& t) { return t.detach().contiguous(); };
  const Operands operands = {constant(side1.residual),
                             constant(side2.residual),
                             constant(side1.targets),
                             constant(side2.targets),
                             {grams.own1.detach(), grams.own2.detach(), grams.cross.detach()},
                             eps};
  const kernels::ResidualPair pair = operands.pair();
  const Device device = side1.logits.device();
  const Shape rows = {pair.rows};
  ResidualCosine result = {empty(rows, grams.own1), empty(rows, grams.own1), empty(rows, grams.own1)};
  {
    OpScope scope("residual_cosine", kernels::residual_cosine_forward_cost(pair));
    backend(device).residual_cosine.forward(current_stream(device), {.pair = pair,
                                                                     .cos = result.cosine.data<float>(),
                                                                     .norm1 = result.norm1.data<float>(),
                                                                     .norm2 = result.norm2.data<float>()});
  }
  const std::vector<Tensor> inputs = {side1.logits, side2.logits, grams.own1, grams.own2, grams.cross};
  record_fused(
      "residual_cosine", inputs, {&result.cosine},
      [operands, norm1 = result.norm1, norm2 = result.norm2, cosine = Saved::output(result.cosine)](
          BackwardContext& context, const auto&) {
        return cosine_gradients(context, operands, {context.get(cosine), norm1, norm2}, context.grad().contiguous());
      },
      [operands](const auto& in) {
        return std::vector{recorded_cosine(in, operands.targets1, operands.targets2, operands.eps)};
      });
  return result;
}

Tensor shifted_concat(const Tensor& a1, const Tensor& a2, const Tensor& residual, const Tensor& weight,
                      const Tensor& alpha, float length, float eps) {
  constexpr const char* kName = "shifted_concat";
  check_f32(kName, {a1, a2, residual, weight, alpha});
  const bool fits = a1.rank() == 2 && a1.shape() == a2.shape() && residual.rank() == 2 && weight.rank() == 2 &&
                    residual.dim(0) == a1.dim(0) && residual.dim(1) == weight.dim(0) && weight.dim(1) == a1.dim(1);
  if (!fits || a1.numel() == 0 || residual.numel() == 0 || (alpha.numel() != 1 && alpha.shape() != Shape{a1.dim(0), 1}))
    throw ShapeError(message("[", kName,
                             "] expected features [n, width] twice, residuals [n, c], a weight [c, width] "
                             "and shares of one element or [n, 1], got ",
                             a1.describe(), ", ", a2.describe(), ", ", residual.describe(), ", ", weight.describe(),
                             " and ", alpha.describe()));
  const dim_t rows = a1.dim(0), width = a1.dim(1), classes = residual.dim(1);
  const auto dense = [](const Tensor& t) { return t.detach().contiguous(); };
  const Tensor first = dense(a1), second = dense(a2), r = dense(residual), w = dense(weight), share = dense(alpha);
  Tensor out = empty({rows, 2 * width}, a1);
  {
    OpScope scope(kName, kernels::shifted_concat_cost(rows, classes, width));
    backend(a1.device())
        .residual_cosine.shifted_concat(current_stream(a1.device()), {.a1 = first.data<float>(),
                                                                      .a2 = second.data<float>(),
                                                                      .residual = r.data<float>(),
                                                                      .weight = w.data<float>(),
                                                                      .alpha = share.data<float>(),
                                                                      .rows = rows,
                                                                      .classes = classes,
                                                                      .width = width,
                                                                      .alpha_per_row = share.numel() > 1,
                                                                      .length = length,
                                                                      .eps = eps,
                                                                      .out = out.data<float>()});
  }
  if (needs_record({a1, a2}))
    record(kName, {a1, a2}, {&out}, [width](BackwardContext& context) -> std::vector<Tensor> {
      const Tensor g = context.grad();
      return {context.needs(0) ? slice(g, 1, 0, width) : Tensor(),
              context.needs(1) ? slice(g, 1, width, 2 * width) : Tensor()};
    });
  return out;
}

}  // namespace engram
