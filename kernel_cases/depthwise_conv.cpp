/// Depthwise convolutions and their gradients.

#include "kernels/depthwise_conv/depthwise_conv.h"

#include <algorithm>
#include <cmath>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

/// Tolerance of sums of `terms` products of values within 1.
cases::Tolerance of_sums(dim_t terms) {
  return {.absolute = 1e-6 * std::sqrt(double(terms))};
}

void describe(cases::Operands& o, DepthwiseForwardArgs& a) {
  const WindowGeometry& g = a.geometry;
  o.in("x", a.x, g.x.count()).in_order_of(g.x);
  o.in("weight", a.weight, depthwise_weight_count(g));
  o.in("bias", a.bias, g.x.c).optional();
  o.out("y", a.y, g.y().count()).in_order_of(g.y());
}

void describe(cases::Operands& o, DepthwiseDataGradientArgs& a) {
  const WindowGeometry& g = a.geometry;
  o.in("gy", a.gy, g.y().count()).in_order_of(g.y());
  o.in("weight", a.weight, depthwise_weight_count(g));
  o.out("gx", a.gx, g.x.count()).in_order_of(g.x);
}

void describe(cases::Operands& o, DepthwiseWeightGradientArgs& a) {
  const WindowGeometry& g = a.geometry;
  o.in("x", a.x, g.x.count()).in_order_of(g.x);
  o.in("gy", a.gy, g.y().count()).in_order_of(g.y());
  o.out("gw", a.gw, depthwise_weight_count(g));
  o.scratch(a.workspace, o.kernels<DepthwiseConvKernels>().workspace_bytes(g));
}

void expect(const DepthwiseForwardArgs& a, cases::Expected& e) {
  double* y = e.out("y", of_sums(a.geometry.taps() + 1));
  reference::depthwise_forward(a.geometry, e.in("x"), e.in("weight"), e.in("bias"), y);
  for (dim_t i = 0; a.relu && i < a.geometry.y().count(); ++i) y[i] = std::max(0.0, y[i]);
}

void expect(const DepthwiseDataGradientArgs& a, cases::Expected& e) {
  reference::depthwise_data_gradient(a.geometry, e.in("gy"), e.in("weight"), e.out("gx", of_sums(a.geometry.taps())));
}

void expect(const DepthwiseWeightGradientArgs& a, cases::Expected& e) {
  const WindowGeometry& g = a.geometry;
  reference::depthwise_weight_gradient(g, e.in("x"), e.in("gy"), e.out("gw", of_sums(g.x.n * g.out_h() * g.out_w())));
}

const DepthwiseConvKernels kStagedDepthwiseConv = {
    cases::staged<&DepthwiseConvKernels::forward>, cases::staged<&DepthwiseConvKernels::data_gradient>,
    cases::staged<&DepthwiseConvKernels::weight_gradient>, cases::staged<&DepthwiseConvKernels::workspace_bytes>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

/// Windows that tile, overlap, leave pixels out, and are larger than the image; runs of pixels that end inside.
std::vector<WindowGeometry> odd_geometries() {
  std::vector<WindowGeometry> all;
  for (const dim_t block : {1, 16, 48}) {
    const dim_t c = 48;
    all.push_back({{2, c, 6, 6, block}, 3, 3, 1, 1, 1, 1});
    all.push_back({{1, c, 7, 19, block}, 3, 3, 2, 2, 1, 1});
    all.push_back({{3, c, 5, 4, block}, 3, 2, 1, 1, 2, 0});
    all.push_back({{1, c, 8, 11, block}, 2, 5, 3, 2, 0, 1});
    all.push_back({{1, c, 1, 1, block}, 3, 3, 1, 1, 1, 1});
    all.push_back({{2, c, 5, 5, block}, 5, 5, 2, 2, 2, 2});
    all.push_back({{1, c, 4, 4, block}, 1, 1, 2, 2, 0, 0});
  }
  all.push_back({{17, 3, 9, 13, 1}, 3, 3, 1, 1, 1, 1});
  all.push_back({{2, 6, 9, 13, 6}, 3, 3, 2, 1, 1, 0});
  all.push_back({{9, 48, 17, 13, 16}, 3, 3, 2, 2, 1, 1});
  return all;
}

void add_depthwise_conv_cases(CaseList& list) {
  const Allowance overlapping = {
      5, 0.57,
      "overlapping windows read pixels and weights again, which a GPU serves from its caches; "
      "the weights of neighbouring channels lie a window apart"};
  std::vector<WindowGeometry> geometries;
  if (list.odd()) geometries = odd_geometries();
  // Layers of a MobileNet.
  for (const auto& shape : list.activations({}, {{8, 32, 32, 32}, {8, 128, 16, 16}}, {{16, 64, 16, 16}}))
    geometries.push_back({shape, 3, 3, 1, 1, 1, 1});
  for (const WindowGeometry& g : geometries) {
    const std::string text =
        shape_text(g.x) + " window " + shape_text({g.kernel_h, g.kernel_w}) + " stride " + std::to_string(g.stride_h);
    for (const bool with_bias : list.odd() ? std::vector{false, true} : std::vector{false})
      list.add(
              "depthwise_conv/forward", text + (with_bias ? ", bias, relu" : ""),
              [](auto& b) { return b.depthwise_conv.forward; },
              DepthwiseForwardArgs{.geometry = g, .bias = wanted<float>(with_bias), .relu = with_bias},
              depthwise_forward_cost(g), expect)
          .allowed(overlapping);
    list.add(
            "depthwise_conv/data_gradient", text, [](auto& b) { return b.depthwise_conv.data_gradient; },
            DepthwiseDataGradientArgs{.geometry = g}, depthwise_data_gradient_cost(g), expect)
        .allowed(overlapping);
    list.add(
            "depthwise_conv/weight_gradient", text, [](auto& b) { return b.depthwise_conv.weight_gradient; },
            DepthwiseWeightGradientArgs{.geometry = g}, depthwise_weight_gradient_cost(g), expect)
        .allowed({1.5, 0.95, "the pixels of overlapping windows are read again, which a GPU serves from its caches"})
        .with_conflicts(2304, "threads of a warp add up several taps of one channel, whose sums share a bank");
  }
}

}  // namespace engram::cases
