#include "kernels/residual_cosine/residual_cosine.h"
#include "tests/kernels/staged/device_under_test.h"
#include "tests/kernels/staged/staged_families.h"
#include "tests/kernels/staged/staging.h"

namespace engram::testing {
namespace {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void head(Stream stream, const HeadResidualArgs& args) {
  Staging s;
  HeadResidualArgs a = args;
  a.logits = s.in(args.logits, args.rows * args.classes);
  a.targets = s.in(args.targets, args.rows * args.classes);
  a.residual = s.out(args.residual, args.rows * args.classes);
  a.row_loss = s.out(args.row_loss, args.rows);
  device_under_test().kernels.residual_cosine.head_residual(stream, a);
}

void head_backward(Stream stream, const HeadResidualBackwardArgs& args) {
  Staging s;
  HeadResidualBackwardArgs a = args;
  a.residual = s.in(args.residual, args.rows * args.classes);
  a.targets = s.in(args.targets, args.rows * args.classes);
  a.grad_rows = s.in(args.grad_rows, args.rows);
  a.grad_logits = s.out(args.grad_logits, args.rows * args.classes);
  device_under_test().kernels.residual_cosine.head_residual_backward(stream, a);
}

ResidualPair staged(Staging& s, const ResidualPair& pair) {
  ResidualPair p = pair;
  p.residual1 = s.in(pair.residual1, pair.rows * pair.classes1);
  p.residual2 = s.in(pair.residual2, pair.rows * pair.classes2);
  p.gram11 = s.in(pair.gram11, pair.classes1 * pair.classes1);
  p.gram22 = s.in(pair.gram22, pair.classes2 * pair.classes2);
  p.gram12 = s.in(pair.gram12, pair.classes1 * pair.classes2);
  return p;
}

void cosine(Stream stream, const ResidualCosineForwardArgs& args) {
  Staging s;
  ResidualCosineForwardArgs a = args;
  a.pair = staged(s, args.pair);
  a.cos = s.out(args.cos, args.pair.rows);
  a.norm1 = s.out(args.norm1, args.pair.rows);
  a.norm2 = s.out(args.norm2, args.pair.rows);
  device_under_test().kernels.residual_cosine.forward(stream, a);
}

std::size_t workspace(dim_t rows, dim_t classes1, dim_t classes2) {
  return device_under_test().kernels.residual_cosine.workspace_bytes(rows, classes1, classes2);
}

void cosine_backward(Stream stream, const ResidualCosineBackwardArgs& args) {
  Staging s;
  const ResidualPair& p = args.pair;
  const dim_t values1 = p.rows * p.classes1, values2 = p.rows * p.classes2;
  ResidualCosineBackwardArgs a = args;
  a.pair = staged(s, p);
  a.cos = s.in(args.cos, p.rows);
  a.norm1 = s.in(args.norm1, p.rows);
  a.norm2 = s.in(args.norm2, p.rows);
  a.grad_cos = s.in(args.grad_cos, p.rows);
  a.targets1 = s.in(args.targets1, values1);
  a.targets2 = s.in(args.targets2, values2);
  a.grad_gram11 = s.out(args.grad_gram11, p.classes1 * p.classes1);
  a.grad_gram22 = s.out(args.grad_gram22, p.classes2 * p.classes2);
  a.grad_gram12 = s.out(args.grad_gram12, p.classes1 * p.classes2);
  a.grad_logits1 = s.out(args.grad_logits1, values1);
  a.grad_logits2 = s.out(args.grad_logits2, values2);
  a.workspace = s.scratch(workspace(p.rows, p.classes1, p.classes2));
  device_under_test().kernels.residual_cosine.backward(stream, a);
}

void concat(Stream stream, const ShiftedConcatArgs& args) {
  Staging s;
  ShiftedConcatArgs a = args;
  a.a1 = s.in(args.a1, args.rows * args.width);
  a.a2 = s.in(args.a2, args.rows * args.width);
  a.residual = s.in(args.residual, args.rows * args.classes);
  a.weight = s.in(args.weight, args.classes * args.width);
  a.alpha = s.in(args.alpha, args.alpha_per_row ? args.rows : 1);
  a.out = s.out(args.out, args.rows * 2 * args.width);
  device_under_test().kernels.residual_cosine.shifted_concat(stream, a);
}

}  // namespace

const ResidualCosineKernels kStagedResidualCosine = {head, head_backward, cosine, cosine_backward, concat, workspace};

}  // namespace engram::testing
