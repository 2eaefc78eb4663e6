#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/common/parallel.h"
#include "kernels/common/row_lanes.h"
#include "kernels/residual_cosine/residual_cosine.h"

namespace engram::kernels {
namespace {

/// Rows whose contributions to the Gram matrices' gradients are added up together.
constexpr dim_t kChunk = 256;

double sum_exp(const double* x, dim_t count, double largest) {
  double sum = 0;
  for (dim_t j = 0; j < count; ++j) sum += std::exp(x[j] - largest);
  return sum;
}

void head_residual_row(const HeadResidualArgs& args, dim_t row, double* p) {
  const dim_t n = args.classes;
  const float *o = args.logits + row * n, *t = args.targets + row * n;
  std::copy(o, o + n, p);
  const double largest = *std::max_element(p, p + n), total = sum_exp(p, n, largest);
  double others = 0, at_target = 0;
  for (dim_t j = 0; j < n; ++j) {
    at_target += t[j] * p[j];
    p[j] = std::exp(p[j] - largest) / total;
    others += p[j] * (1 - t[j]);
  }
  double loss = largest + std::log(total) - at_target;
  if (args.twice) {
    loss = std::log(sum_exp(p, n, 0));
    for (dim_t j = 0; j < n; ++j) loss -= t[j] * p[j];
  }
  args.row_loss[row] = float(loss);
  for (dim_t j = 0; j < n; ++j) args.residual[row * n + j] = float(p[j] * (1 - t[j]) - t[j] * others);
}

void head_residual(Stream, const HeadResidualArgs& args) {
  parallel_chunks(args.rows, kChunk, [&](dim_t begin, dim_t end, dim_t) {
    std::vector<double> p(static_cast<std::size_t>(args.classes));
    for (dim_t row = begin; row < end; ++row) head_residual_row(args, row, p.data());
  });
}

/// J v = p (v - p.v) with p = r + t, times `scale`.
void times_jacobian(const float* residual, const float* targets, const double* v, dim_t count, double scale,
                    float* out) {
  double along = 0;
  for (dim_t j = 0; j < count; ++j) along += (double(residual[j]) + targets[j]) * v[j];
  for (dim_t j = 0; j < count; ++j) out[j] = float(scale * (double(residual[j]) + targets[j]) * (v[j] - along));
}

void head_residual_backward_row(const HeadResidualBackwardArgs& args, dim_t row, double* v) {
  const dim_t n = args.classes;
  const float *r = args.residual + row * n, *t = args.targets + row * n;
  const double g = args.grad_rows[row];
  float* out = args.grad_logits + row * n;
  if (!args.twice) {
    for (dim_t j = 0; j < n; ++j) out[j] = float(g * r[j]);
    return;
  }
  for (dim_t j = 0; j < n; ++j) v[j] = double(r[j]) + t[j];
  const double total = sum_exp(v, n, 0);
  for (dim_t j = 0; j < n; ++j) v[j] = std::exp(v[j]) / total - t[j];
  times_jacobian(r, t, v, n, g, out);
}

void head_residual_backward(Stream, const HeadResidualBackwardArgs& args) {
  parallel_chunks(args.rows, kChunk, [&](dim_t begin, dim_t end, dim_t) {
    std::vector<double> v(static_cast<std::size_t>(args.classes));
    for (dim_t row = begin; row < end; ++row) head_residual_backward_row(args, row, v.data());
  });
}

/// a^T G b for G [rows, columns].
double form(const float* a, const float* gram, const float* b, dim_t rows, dim_t columns) {
  double sum = 0;
  for (dim_t i = 0; i < rows; ++i) {
    double of_row = 0;
    for (dim_t j = 0; j < columns; ++j) of_row += double(gram[i * columns + j]) * b[j];
    sum += a[i] * of_row;
  }
  return sum;
}

void cosine_row(const ResidualCosineForwardArgs& args, dim_t row) {
  const ResidualPair& p = args.pair;
  const float *r1 = p.residual1 + row * p.classes1, *r2 = p.residual2 + row * p.classes2;
  const double n1 = std::sqrt(std::max(0.0, form(r1, p.gram11, r1, p.classes1, p.classes1)));
  const double n2 = std::sqrt(std::max(0.0, form(r2, p.gram22, r2, p.classes2, p.classes2)));
  const double below = (n1 + p.eps) * (n2 + p.eps);
  const double cos = below > 0 ? form(r1, p.gram12, r2, p.classes1, p.classes2) / below : 0;
  args.cos[row] = float(std::min(1.0, std::max(-1.0, cos)));
  args.norm1[row] = float(n1);
  args.norm2[row] = float(n2);
}

void forward(Stream, const ResidualCosineForwardArgs& args) {
  parallel_for(args.pair.rows, args.pair.gram_values(), [&](dim_t row) { cosine_row(args, row); });
}

/// How the cosine of a row changes with r1^T G12 r2, and with r1^T G11 r1 and r2^T G22 r2.
struct Weights {
  double cross, own1, own2;
};

Weights weights_of(const ResidualCosineBackwardArgs& args, dim_t row) {
  const double g = args.grad_cos[row], c = args.cos[row], n1 = args.norm1[row], n2 = args.norm2[row],
               eps = args.pair.eps, below = (n1 + eps) * (n2 + eps);
  const auto own = [&](double n) { return n > 0 ? -0.5 * g * c / (n * (n + eps)) : 0; };
  return {below > 0 ? g / below : 0, own(n1), own(n2)};
}

/// sums += weight a b^T.
void add_outer(double weight, const float* a, const float* b, dim_t rows, dim_t columns, double* sums) {
  for (dim_t i = 0; i < rows; ++i)
    for (dim_t j = 0; j < columns; ++j) sums[i * columns + j] += weight * a[i] * b[j];
}

/// The gradient to the logits of one side: J (2 own G r + cross C s), C the cross matrix, transposed for side 2.
void logits_row(const Weights& w, bool first, const ResidualCosineBackwardArgs& args, dim_t row, double* rho) {
  const ResidualPair& p = args.pair;
  const dim_t n = first ? p.classes1 : p.classes2, other = first ? p.classes2 : p.classes1;
  const float* r = (first ? p.residual1 : p.residual2) + row * n;
  const float* s = (first ? p.residual2 : p.residual1) + row * other;
  const float* gram = first ? p.gram11 : p.gram22;
  const double own = first ? w.own1 : w.own2;
  for (dim_t i = 0; i < n; ++i) {
    double from_own = 0, from_other = 0;
    for (dim_t j = 0; j < n; ++j) from_own += double(gram[i * n + j]) * r[j];
    for (dim_t j = 0; j < other; ++j)
      from_other += double(p.gram12[first ? i * p.classes2 + j : j * p.classes2 + i]) * s[j];
    rho[i] = 2 * own * from_own + w.cross * from_other;
  }
  times_jacobian(r, (first ? args.targets1 : args.targets2) + row * n, rho, n, 1,
                 (first ? args.grad_logits1 : args.grad_logits2) + row * n);
}

void backward_chunk(const ResidualCosineBackwardArgs& args, dim_t begin, dim_t end, double* sums) {
  const ResidualPair& p = args.pair;
  const dim_t size1 = p.classes1 * p.classes1, size2 = p.classes2 * p.classes2;
  std::fill(sums, sums + p.gram_values(), 0.0);
  std::vector<double> rho(std::size_t(std::max(p.classes1, p.classes2)));
  for (dim_t row = begin; row < end; ++row) {
    const Weights w = weights_of(args, row);
    const float *r1 = p.residual1 + row * p.classes1, *r2 = p.residual2 + row * p.classes2;
    add_outer(w.own1, r1, r1, p.classes1, p.classes1, sums);
    add_outer(w.own2, r2, r2, p.classes2, p.classes2, sums + size1);
    add_outer(w.cross, r1, r2, p.classes1, p.classes2, sums + size1 + size2);
    if (args.grad_logits1) logits_row(w, true, args, row, rho.data());
    if (args.grad_logits2) logits_row(w, false, args, row, rho.data());
  }
}

void backward(Stream, const ResidualCosineBackwardArgs& args) {
  const ResidualPair& p = args.pair;
  const dim_t values = p.gram_values(), chunks = (p.rows + kChunk - 1) / kChunk;
  auto* sums = static_cast<double*>(args.workspace);
  parallel_for(chunks, kChunk * values, [&](dim_t i) {
    backward_chunk(args, i * kChunk, std::min(p.rows, (i + 1) * kChunk), sums + i * values);
  });
  const dim_t size1 = p.classes1 * p.classes1, size2 = p.classes2 * p.classes2;
  for (dim_t k = 0; k < values; ++k) {
    double total = 0;
    for (dim_t i = 0; i < chunks; ++i) total += sums[i * values + k];
    float* out = k < size1           ? args.grad_gram11 + k
                 : k < size1 + size2 ? args.grad_gram22 + (k - size1)
                                     : args.grad_gram12 + (k - size1 - size2);
    *out = float(total);
  }
}

std::size_t workspace_bytes(dim_t rows, dim_t classes1, dim_t classes2) {
  const dim_t values = classes1 * classes1 + classes2 * classes2 + classes1 * classes2;
  return std::size_t((rows + kChunk - 1) / kChunk * values) * sizeof(double);
}

/// t = residual weight of one row; returns |t|^2.
ENGRAM_MULTIVERSION double direction_row(const float* residual, const float* weight, dim_t classes, dim_t width,
                                         float* t) {
  Vec16 squares = {};
  for_lanes(
      0, width, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
        Vec16 sum = {};
        for (dim_t c = 0; c < classes; ++c) sum += residual[c] * load_lanes(weight + c * width + i, lanes);
        squares += sum * sum;
        store_lanes(t + i, sum, lanes);
      });
  return sum_lanes(squares);
}

/// t = a + scale t.
ENGRAM_MULTIVERSION void shift_row(const float* a, float scale, dim_t width, float* t) {
  for_lanes(
      0, width, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
        store_lanes(t + i, load_lanes(a + i, lanes) + scale * load_lanes(t + i, lanes), lanes);
      });
}

void shifted_concat(Stream, const ShiftedConcatArgs& args) {
  parallel_for(args.rows, args.width * (args.classes + 4), [&](dim_t row) {
    float *first = args.out + row * 2 * args.width, *second = first + args.width;
    const float* a1 = args.a1 + row * args.width;
    std::copy(a1, a1 + args.width, first);
    const double below =
        std::sqrt(direction_row(args.residual + row * args.classes, args.weight, args.classes, args.width, second)) +
        args.eps;
    const double alpha = args.alpha[args.alpha_per_row ? row : 0];
    shift_row(args.a2 + row * args.width, below > 0 ? float(alpha * args.length / below) : 0.f, args.width, second);
  });
}

}  // namespace

Cost head_residual_cost(dim_t rows, dim_t classes) {
  return {8 * rows * classes, 4 * rows * (classes + 1), 8 * rows * classes};
}

Cost head_residual_backward_cost(dim_t rows, dim_t classes, bool twice) {
  return {4 * rows * (classes * (twice ? 2 : 1) + 1), 4 * rows * classes, (twice ? 8 : 1) * rows * classes};
}

Cost residual_cosine_forward_cost(const ResidualPair& p) {
  return {4 * (p.rows * (p.classes1 + p.classes2) + p.gram_values()), 12 * p.rows, 2 * p.rows * p.gram_values()};
}

Cost residual_cosine_backward_cost(const ResidualPair& p, bool to_logits) {
  const dim_t residuals = p.rows * (p.classes1 + p.classes2), grams = p.gram_values();
  return {4 * (residuals * (to_logits ? 2 : 1) + 4 * p.rows + (to_logits ? grams : 0)),
          4 * (grams + (to_logits ? residuals : 0)), (to_logits ? 5 : 3) * p.rows * grams};
}

Cost shifted_concat_cost(dim_t rows, dim_t classes, dim_t width) {
  return {4 * (rows * (2 * width + classes + 1) + classes * width), 8 * rows * width, 2 * rows * width * (classes + 2)};
}

const ResidualCosineKernels kCpuResidualCosine = {head_residual, head_residual_backward, forward,
                                                  backward,      shifted_concat,         workspace_bytes};

}  // namespace engram::kernels
