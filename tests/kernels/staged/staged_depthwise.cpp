#include "kernels/depthwise_conv/depthwise_conv.h"
#include "tests/kernels/staged/device_under_test.h"
#include "tests/kernels/staged/staged_families.h"
#include "tests/kernels/staged/staging.h"

namespace engram::testing {
namespace {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void forward(Stream stream, const DepthwiseForwardArgs& args) {
  Staging s;
  const DepthwiseGeometry& g = args.geometry;
  DepthwiseForwardArgs a = args;
  a.x = s.in(args.x, g.x.count());
  a.weight = s.in(args.weight, g.weight_count());
  a.bias = s.in(args.bias, g.x.c);
  a.y = s.out(args.y, g.y().count());
  device_under_test().kernels.depthwise_conv.forward(stream, a);
}

void data_gradient(Stream stream, const DepthwiseDataGradientArgs& args) {
  Staging s;
  const DepthwiseGeometry& g = args.geometry;
  device_under_test().kernels.depthwise_conv.data_gradient(
      stream, {g, s.in(args.gy, g.y().count()), s.in(args.weight, g.weight_count()), s.out(args.gx, g.x.count())});
}

std::size_t workspace_bytes(const DepthwiseGeometry& g) {
  return device_under_test().kernels.depthwise_conv.workspace_bytes(g);
}

void weight_gradient(Stream stream, const DepthwiseWeightGradientArgs& args) {
  Staging s;
  const DepthwiseGeometry& g = args.geometry;
  DepthwiseWeightGradientArgs a = args;
  a.x = s.in(args.x, g.x.count());
  a.gy = s.in(args.gy, g.y().count());
  a.gw = s.out(args.gw, g.weight_count());
  a.workspace = s.scratch(workspace_bytes(g));
  device_under_test().kernels.depthwise_conv.weight_gradient(stream, a);
}

}  // namespace

const DepthwiseConvKernels kStagedDepthwiseConv = {forward, data_gradient, weight_gradient, workspace_bytes};

}  // namespace engram::testing
