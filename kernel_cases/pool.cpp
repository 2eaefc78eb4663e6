/// Pooling and its adjoints.

#include "kernels/pool/pool.h"

#include <algorithm>
#include <limits>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

void describe(cases::Operands& o, MaxPoolArgs& a) {
  const ActivationShape &x = a.geometry.x, y = a.geometry.y();
  // Few values, so that windows have ties, and one that is no number, which wins.
  o.in("x", a.x, x.count()).in_order_of(x).filled([count = x.count()](void* to) {
    for (dim_t i = 0; i < count; ++i) static_cast<float*>(to)[i] = float(i * 7919 % 13 - 6);
    static_cast<float*>(to)[count / 2] = std::numeric_limits<float>::quiet_NaN();
  });
  o.out("y", a.y, y.count()).in_order_of(y);
  o.out("index", a.index, y.count()).optional().in_order_of(y);
}

void describe(cases::Operands& o, MaxPoolBackwardArgs& a) {
  const ActivationShape &x = a.geometry.x, y = a.geometry.y();
  o.in("dy", a.dy, y.count()).in_order_of(y);
  o.in("index", a.index, y.count()).in_order_of(y);
  o.out("dx", a.dx, x.count()).in_order_of(x);
}

void describe(cases::Operands& o, PoolGatherArgs& a) {
  const ActivationShape &x = a.geometry.x, y = a.geometry.y();
  o.in("x", a.x, x.count()).in_order_of(x);
  o.in("index", a.index, y.count()).in_order_of(y);
  o.out("y", a.y, y.count()).in_order_of(y);
}

void describe(cases::Operands& o, AvgPoolArgs& a) {
  o.in("x", a.x, a.geometry.x.count()).in_order_of(a.geometry.x);
  o.out("y", a.y, a.geometry.y().count()).in_order_of(a.geometry.y());
}

void describe(cases::Operands& o, AvgPoolBackwardArgs& a) {
  o.in("dy", a.dy, a.geometry.y().count()).in_order_of(a.geometry.y());
  o.out("dx", a.dx, a.geometry.x.count()).in_order_of(a.geometry.x);
}

void describe(cases::Operands& o, GlobalAvgPoolArgs& a) {
  o.in("x", a.x, a.shape.count()).in_order_of(a.shape);
  o.out("y", a.y, a.shape.n * a.shape.c);
}

void describe(cases::Operands& o, GlobalAvgPoolBackwardArgs& a) {
  o.in("dy", a.dy, a.shape.n * a.shape.c);
  o.out("dx", a.dx, a.shape.count()).in_order_of(a.shape);
}

/// Positions as the reference wants them.
std::vector<std::int32_t> positions(const WindowGeometry& g, const double* index) {
  return {index, index + g.y().count()};
}

void expect(const MaxPoolArgs& a, cases::Expected& e) {
  std::vector<std::int32_t> index(std::size_t(a.geometry.y().count()), 0);
  reference::max_pool(a.geometry, e.in("x"), e.out("y", {}), index.data());
  std::copy(index.begin(), index.end(), e.out("index", {}));
}

void expect(const MaxPoolBackwardArgs& a, cases::Expected& e) {
  reference::max_pool_backward(a.geometry, e.in("dy"), positions(a.geometry, e.in("index")).data(),
                               e.out("dx", {.absolute = 1e-6}));
}

void expect(const PoolGatherArgs& a, cases::Expected& e) {
  // What the positions name is what the pool that made them gave.
  std::vector<std::int32_t> index(std::size_t(a.geometry.y().count()), 0);
  reference::max_pool(a.geometry, e.in("x"), e.out("y", {}), index.data());
}

void expect(const AvgPoolArgs& a, cases::Expected& e) {
  reference::avg_pool(a.geometry, a.count_padding, e.in("x"), e.out("y", {.absolute = 1e-6}));
}

void expect(const AvgPoolBackwardArgs& a, cases::Expected& e) {
  reference::avg_pool_backward(a.geometry, a.count_padding, e.in("dy"), e.out("dx", {.absolute = 2e-6}));
}

void expect(const GlobalAvgPoolArgs& a, cases::Expected& e) {
  double* y = e.out("y", {.absolute = 1e-6});
  for (dim_t i = 0; i < a.shape.count(); ++i) y[i / a.shape.pixels()] += e.in("x")[i] / double(a.shape.pixels());
}

void expect(const GlobalAvgPoolBackwardArgs& a, cases::Expected& e) {
  double* dx = e.out("dx", {.absolute = 1e-7});
  for (dim_t i = 0; i < a.shape.count(); ++i) dx[i] = e.in("dy")[i / a.shape.pixels()] / double(a.shape.pixels());
}

const PoolKernels kStagedPool = {
    cases::staged<&PoolKernels::max_pool>,
    cases::staged<&PoolKernels::max_pool_backward>,
    cases::staged<&PoolKernels::gather>,
    cases::staged<&PoolKernels::avg_pool>,
    cases::staged<&PoolKernels::avg_pool_backward>,
    cases::staged<&PoolKernels::global_avg_pool>,
    cases::staged<&PoolKernels::global_avg_pool_backward>,
};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

std::vector<WindowGeometry> odd_windows() {
  std::vector<WindowGeometry> all;
  for (const dim_t block : {1, 16, 48}) {
    const dim_t c = 48;
    all.push_back({{2, c, 6, 6, block}, 2, 2, 2, 2, 0, 0});
    all.push_back({{1, c, 7, 9, block}, 3, 3, 2, 2, 1, 1});
    all.push_back({{3, c, 5, 4, block}, 3, 2, 1, 1, 1, 0});
    all.push_back({{1, c, 8, 11, block}, 2, 3, 3, 2, 0, 1});
    all.push_back({{1, c, 1, 1, block}, 1, 1, 1, 1, 0, 0});
    all.push_back({{9, c, 17, 13, block}, 3, 3, 2, 2, 1, 1});
  }
  return all;
}

void add_pool_cases(CaseList& list) {
  std::vector<WindowGeometry> geometries;
  if (list.odd()) geometries = odd_windows();
  for (const auto& shape : list.activations({}, {{2, 64, 32, 32}}, {{16, 64, 16, 16}}))
    geometries.push_back({shape, 2, 2, 2, 2, 0, 0});
  for (const WindowGeometry& g : geometries) {
    const std::string text =
        shape_text(g.x) + " window " + shape_text({g.kernel_h, g.kernel_w}) + " stride " + std::to_string(g.stride_h);
    const KernelCase max = list.add(
        "pool/max_pool", text, [](auto& b) { return b.pool.max_pool; },
        MaxPoolArgs{.geometry = g, .index = wanted<std::int32_t>()}, max_pool_cost(g, true), expect);
    list.add(
            "pool/max_pool_backward", text, [](auto& b) { return b.pool.max_pool_backward; },
            MaxPoolBackwardArgs{.geometry = g}, max_pool_backward_cost(g), expect)
        .following(max);
    list.add(
        "pool/avg_pool", text, [](auto& b) { return b.pool.avg_pool; }, AvgPoolArgs{.geometry = g}, avg_pool_cost(g),
        expect);
    list.add(
        "pool/global_avg_pool", text, [](auto& b) { return b.pool.global_avg_pool; }, GlobalAvgPoolArgs{.shape = g.x},
        global_avg_pool_cost(g.x), expect);
    if (list.large()) continue;
    list.add(
        "pool/avg_pool_backward", text, [](auto& b) { return b.pool.avg_pool_backward; },
        AvgPoolBackwardArgs{.geometry = g}, avg_pool_cost(g), expect);
    list.add(
        "pool/global_avg_pool_backward", text, [](auto& b) { return b.pool.global_avg_pool_backward; },
        GlobalAvgPoolBackwardArgs{.shape = g.x}, global_avg_pool_cost(g.x), expect);
    if (!list.odd()) continue;
    list.add(
        "pool/max_pool", text + ", no index", [](auto& b) { return b.pool.max_pool; }, MaxPoolArgs{.geometry = g},
        max_pool_cost(g, false), expect);
    list.add(
            "pool/gather", text, [](auto& b) { return b.pool.gather; }, PoolGatherArgs{.geometry = g},
            max_pool_cost(g, true), expect)
        .following(max);
    list.add(
        "pool/avg_pool", text + ", border not counted", [](auto& b) { return b.pool.avg_pool; },
        AvgPoolArgs{.geometry = g, .count_padding = false}, avg_pool_cost(g), expect);
    list.add(
        "pool/avg_pool_backward", text + ", border not counted", [](auto& b) { return b.pool.avg_pool_backward; },
        AvgPoolBackwardArgs{.geometry = g, .count_padding = false}, avg_pool_cost(g), expect);
  }
}

}  // namespace engram::cases
