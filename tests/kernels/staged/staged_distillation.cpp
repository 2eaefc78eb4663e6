#include "kernels/attention_map/attention_map.h"
#include "kernels/factor_distance/factor_distance.h"
#include "kernels/margin_error/margin_error.h"
#include "tests/kernels/staged/device_under_test.h"
#include "tests/kernels/staged/staged_families.h"
#include "tests/kernels/staged/staging.h"

namespace engram::testing {
namespace {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void map(Stream stream, const AttentionMapForwardArgs& args) {
  Staging s;
  AttentionMapForwardArgs a = args;
  a.x = s.in(args.x, args.shape.count());
  a.map = s.out(args.map, args.shape.n * args.shape.pixels());
  a.norm = s.out(args.norm, args.shape.n);
  device_under_test().kernels.attention_map.forward(stream, a);
}

void map_backward(Stream stream, const AttentionMapBackwardArgs& args) {
  Staging s;
  const dim_t maps = args.shape.n * args.shape.pixels();
  AttentionMapBackwardArgs a = args;
  a.x = s.in(args.x, args.shape.count());
  a.map = s.in(args.map, maps);
  a.norm = s.in(args.norm, args.shape.n);
  a.grad_map = s.in(args.grad_map, maps);
  a.grad_x = s.out(args.grad_x, args.shape.count());
  device_under_test().kernels.attention_map.backward(stream, a);
}

std::size_t distance_workspace(dim_t rows) {
  return device_under_test().kernels.factor_distance.workspace_bytes(rows);
}

void distance(Stream stream, const FactorDistanceForwardArgs& args) {
  Staging s;
  FactorDistanceForwardArgs a = args;
  a.a = s.in(args.a, args.rows * args.width);
  a.b = s.in(args.b, args.rows * args.width);
  a.row_stats = s.out(args.row_stats, args.rows * kNumFactorStats);
  a.loss = s.out(args.loss, 1);
  a.workspace = s.scratch(distance_workspace(args.rows));
  device_under_test().kernels.factor_distance.forward(stream, a);
}

void distance_backward(Stream stream, const FactorDistanceBackwardArgs& args) {
  Staging s;
  FactorDistanceBackwardArgs a = args;
  a.a = s.in(args.a, args.rows * args.width);
  a.b = s.in(args.b, args.rows * args.width);
  a.row_stats = s.in(args.row_stats, args.rows * kNumFactorStats);
  a.loss = s.in(args.loss, 1);
  a.grad = s.in(args.grad, 1);
  a.grad_a = s.out(args.grad_a, args.rows * args.width);
  device_under_test().kernels.factor_distance.backward(stream, a);
}

std::size_t error_workspace(const ActivationShape& shape) {
  return device_under_test().kernels.margin_error.workspace_bytes(shape);
}

void error(Stream stream, const MarginErrorForwardArgs& args) {
  Staging s;
  MarginErrorForwardArgs a = args;
  a.student = s.in(args.student, args.shape.count());
  a.teacher = s.in(args.teacher, args.shape.count());
  a.margin = s.in(args.margin, args.shape.c);
  a.loss = s.out(args.loss, 1);
  a.workspace = s.scratch(error_workspace(args.shape));
  device_under_test().kernels.margin_error.forward(stream, a);
}

void error_backward(Stream stream, const MarginErrorBackwardArgs& args) {
  Staging s;
  MarginErrorBackwardArgs a = args;
  a.student = s.in(args.student, args.shape.count());
  a.teacher = s.in(args.teacher, args.shape.count());
  a.margin = s.in(args.margin, args.shape.c);
  a.grad = s.in(args.grad, 1);
  a.grad_student = s.out(args.grad_student, args.shape.count());
  device_under_test().kernels.margin_error.backward(stream, a);
}

}  // namespace

const AttentionMapKernels kStagedAttentionMap = {map, map_backward};
const FactorDistanceKernels kStagedFactorDistance = {distance, distance_backward, distance_workspace};
const MarginErrorKernels kStagedMarginError = {error, error_backward, error_workspace};

}  // namespace engram::testing
