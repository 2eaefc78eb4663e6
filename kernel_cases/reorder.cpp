/// Copies between planar activations and channel-blocked ones.

#include "kernels/reorder/reorder.h"

#include <algorithm>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

// One argument struct for both ways; the blocked side has lanes for padded channels.
struct ToBlocked : ReorderArgs {};
struct ToPlanar : ReorderArgs {};

dim_t planar_count(const ReorderArgs& a) {
  return a.n * a.c * a.h * a.w;
}
dim_t blocked_count(const ReorderArgs& a) {
  return a.n * padded_channels(a.c, a.block) * a.h * a.w;
}

void describe(cases::Operands& o, ToBlocked& a) {
  o.in("src", a.src, planar_count(a));
  o.out("dst", a.dst, blocked_count(a));
}

void describe(cases::Operands& o, ToPlanar& a) {
  o.in("src", a.src, blocked_count(a));
  o.out("dst", a.dst, planar_count(a));
}

void expect_of(ReorderArgs a, void (*reorder)(const ReorderArgs&), dim_t count, cases::Expected& e) {
  std::vector<float> dst(std::size_t(count), 0.f);
  a.dst = dst.data();
  reorder(a);
  std::copy(dst.begin(), dst.end(), e.out("dst", {}));
}

void expect(const ToBlocked& a, cases::Expected& e) {
  expect_of(a, reference::to_blocked, blocked_count(a), e);
}

void expect(const ToPlanar& a, cases::Expected& e) {
  expect_of(a, reference::to_planar, planar_count(a), e);
}

const ReorderKernels kStagedReorder = {cases::staged<&ReorderKernels::to_blocked, ToBlocked>,
                                       cases::staged<&ReorderKernels::to_planar, ToPlanar>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void add_reorder_cases(CaseList& list) {
  struct Extents {
    dim_t n, c, h, w, block;
  };
  const auto extents = list.sizes<Extents>(
      {{1, 16, 1, 1, 16},
       {2, 32, 4, 4, 16},
       {3, 48, 5, 7, 16},
       {2, 3, 32, 32, 16},
       {1, 17, 3, 9, 16},
       {2, 16, 33, 37, 16},
       {4, 1, 1, 5, 16},
       {5, 64, 16, 16, 16},
       {0, 16, 4, 4, 16},
       {2, 3, 17, 19, 3},
       {3, 48, 5, 7, 48},
       {1, 100, 6, 11, 100},
       {2, 64, 9, 8, 64},
       {2, 5, 4, 3, 4}},
      {{4 * list.scale(), 64, 32, 32, list.block_of(64)}, {4 * list.scale(), 3, 32, 32, list.channels_last() ? 3 : 16}},
      {{16 * list.scale(), 64, 16, 16, list.block_of(64)}});
  for (const Extents& x : extents) {
    const std::string text = shape_text({x.n, x.c, x.h, x.w}) + " block " + std::to_string(x.block);
    const ReorderArgs args = {.n = x.n, .c = x.c, .h = x.h, .w = x.w, .block = x.block};
    list.add(
        list.large() ? "reorder/to_channels_last" : "reorder/to_blocked", text,
        [](auto& b) { return b.reorder.to_blocked; }, ToBlocked{args}, reorder_cost(args), expect);
    list.add(
        "reorder/to_planar", text, [](auto& b) { return b.reorder.to_planar; }, ToPlanar{args}, reorder_cost(args),
        expect);
  }
}

}  // namespace engram::cases
