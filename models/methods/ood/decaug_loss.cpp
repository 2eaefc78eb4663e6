#include "models/methods/ood/decaug_loss.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/ood/softmax_residual.h"

namespace engram {
namespace {

/// v taken apart from the graph unless `live`.
Tensor constant_unless(bool live, const Tensor& v) {
  return live ? v : v.detach();
}

}  // namespace

Tensor softmax_residual(const Tensor& logits, const Tensor& targets) {
  const Tensor others = softmax(logits) * (1.f + neg(targets));
  return others - targets * sum(others, {1}, true);
}

Tensor branch_gradient(const Tensor& residual, const TwoBranchNetwork::Layers& layers, const Tensor& features,
                       BranchActivation activation, bool live) {
  const Tensor r = constant_unless(live, residual), a = constant_unless(live, features);
  if (activation == BranchActivation::kNone) return matmul(r, matmul(layers.head.weight, layers.branch.weight));
  const Tensor to_features = matmul(r, layers.head.weight);
  const Tensor before =
      activation == BranchActivation::kTanh ? (1.f + neg(square(a))) * to_features : step_mul(a, to_features);
  return matmul(before, layers.branch.weight);
}

GradientAngles gradient_angles(const Tensor& g1, const Tensor& g2, double eps) {
  GradientAngles angles;
  angles.norm1 = norm(g1, {1});
  angles.norm2 = norm(g2, {1});
  angles.cosine = sum(g1 * g2, {1}) / ((float(eps) + angles.norm1) * (float(eps) + angles.norm2));
  return angles;
}

GradientAngles branch_angles(const BranchSide& category, const BranchSide& context, BranchActivation activation,
                             const DecAugReading& reading) {
  if (activation != BranchActivation::kNone) {
    const auto gradient = [&](const BranchSide& side) {
      return branch_gradient(softmax_residual(side.rows.logits, side.rows.targets), side.layers, side.features,
                             activation, reading.full);
    };
    return gradient_angles(gradient(category), gradient(context), reading.orth_eps);
  }
  const Tensor m1 = matmul(category.layers.head.weight, category.layers.branch.weight),
               m2 = matmul(context.layers.head.weight, context.layers.branch.weight);
  ResidualSide side1 = category.rows, side2 = context.rows;
  side1.logits = constant_unless(reading.full, side1.logits);
  side2.logits = constant_unless(reading.full, side2.logits);
  const ResidualCosine result = residual_cosine(
      side1, side2, {matmul(m1, m1, false, true), matmul(m2, m2, false, true), matmul(m1, m2, false, true)},
      float(reading.orth_eps));
  return {result.cosine, result.norm1, result.norm2};
}

Tensor orthogonal_term(const GradientAngles& angles, bool sums) {
  const Tensor squares = square(angles.cosine);
  return sums ? sum(squares) : mean(squares);
}

Tensor boundary_distance(const Tensor& context_logits, const Linear& context_head) {
  const NoGradGuard no_grad;
  const Tensor logits = context_logits.detach(), v = context_head.weight.detach();
  const dim_t contexts = v.dim(0), width = v.dim(1);
  const Tensor apart = norm(reshape(v, {contexts, 1, width}) - reshape(v, {1, contexts, width}), {2});
  const Tensor best = one_hot(argmax(logits), contexts);
  // The most likely context itself lies at no distance that counts: 1e30 puts it out of the minimum.
  const Tensor gap = max(logits, {1}, true) - logits;
  return min((gap + 1e30f * best) / (matmul(best, apart) + best), {1});
}

}  // namespace engram
