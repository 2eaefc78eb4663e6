/// Strided copies and additions: the views that the engine makes dense.

#include "kernels/strided_copy/strided_copy.h"

#include <algorithm>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

void describe(cases::Operands& o, StridedCopyArgs& a) {
  const std::size_t bytes = std::size_t(a.element_bytes);
  o.in_bytes("x", a.x, cases::span_of(a.rank, a.shape, a.stride_x), bytes);
  o.inout_bytes("y", a.y, cases::span_of(a.rank, a.shape, a.stride_y), bytes);
}

void describe(cases::Operands& o, StridedAddArgs& a) {
  o.in("x", a.x, cases::span_of(a.rank, a.shape, a.stride_x));
  o.inout("y", a.y, cases::span_of(a.rank, a.shape, a.stride_y));
}

void expect(const StridedCopyArgs& a, cases::Expected& e) {
  const cases::Span span = cases::span_of(a.rank, a.shape, a.stride_y);
  const dim_t before = -span.first * a.element_bytes;
  const char* const y = static_cast<const char*>(a.y) - before;
  std::vector<char> expected(y, y + span.count() * a.element_bytes);
  StridedCopyArgs oracle = a;
  oracle.y = expected.data() + before;
  reference::strided_copy(oracle);
  e.afterwards([y, expected]() -> std::string {
    return std::equal(expected.begin(), expected.end(), y) ? "" : "y: expected the reference's bytes, got others";
  });
}

void expect(const StridedAddArgs& a, cases::Expected& e) {
  const cases::Span from = cases::span_of(a.rank, a.shape, a.stride_x),
                    to = cases::span_of(a.rank, a.shape, a.stride_y);
  double* y = e.out("y", {.of_value = 6e-8});  // one addition, rounded
  if (to.empty) return;
  std::copy(e.in("y"), e.in("y") + to.count(), y);
  reference::strided_add(e.in("x") - from.first, y - to.first, a.rank, a.shape, a.stride_x, a.stride_y);
}

const StridedCopyKernels kStagedStridedCopy = {cases::staged<&StridedCopyKernels::copy>,
                                               cases::staged<&StridedCopyKernels::add>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

struct View {
  const char* name;
  std::vector<dim_t> shape, stride_x, stride_y;
};

std::vector<View> views(const CaseList& list) {
  const dim_t count = (dim_t(1) << 18) * list.scale(), columns = 256, taps = 9, in = 512;
  std::vector<View> network = {
      {"planar to channels-last", {4 * list.scale(), 1024, 64}, {65536, 1, 1024}, {65536, 64, 1}},
      {"transposition", {2048, 64 * list.scale()}, {1, 2048}, {64 * list.scale(), 1}},
      {"slice of rows", {64 * list.scale(), 1024}, {2048, 1}, {1024, 1}}};
  if (!list.channels_last()) {
    network.push_back({"planar to blocked", {8 * list.scale(), 1024, 16}, {16384, 1, 1024}, {16384, 16, 1}});
    network.push_back({"blocked to planar", {8 * list.scale(), 16, 1024}, {16384, 1, 16}, {16384, 1024, 1}});
  }
  return list.sizes<View>(
      {{"scalar", {}, {}, {}},
       {"dense", {7, 11, 13}, {143, 13, 1}, {143, 13, 1}},
       {"dense long", {70000}, {1}, {1}},
       {"transposition", {37, 53}, {1, 37}, {53, 1}},
       {"batched transposition", {3, 33, 18}, {594, 1, 33}, {594, 18, 1}},
       {"large transposition", {259, 301}, {1, 259}, {301, 1}},
       {"weights to channels-last", {7, 9, 130}, {1170, 1, 9}, {1170, 130, 1}},
       {"weights from channels-last", {7, 130, 9}, {1170, 1, 130}, {1170, 9, 1}},
       {"narrow transposition", {4, 301}, {1, 4}, {301, 1}},
       {"planar to blocked", {2, 3, 35, 16}, {1680, 560, 1, 35}, {1680, 560, 16, 1}},
       {"blocked to planar", {2, 3, 16, 35}, {1680, 560, 1, 16}, {1680, 560, 35, 1}},
       {"axes reversed in order", {4, 5, 6, 7}, {1, 4, 20, 120}, {210, 42, 7, 1}},
       {"y permuted", {4, 5, 6}, {30, 6, 1}, {1, 4, 20}},
       {"slice", {3, 4, 5}, {90, 9, 1}, {20, 5, 1}},
       {"into a slice", {3, 4, 5}, {20, 5, 1}, {90, 9, 1}},
       {"broadcast rows", {5, 9}, {0, 1}, {9, 1}},
       {"broadcast columns", {5, 9}, {1, 0}, {9, 1}},
       {"flipped", {6, 10}, {10, -1}, {10, 1}},
       {"step two", {6, 5}, {22, 2}, {5, 1}},
       {"extent one", {1, 6, 1, 5}, {99, 5, 77, 1}, {1, 5, 3, 1}},
       {"empty", {3, 0, 2}, {1, 1, 1}, {1, 1, 1}}},
      network,
      {{"copy", {count / columns, columns / 2}, {columns, 1}, {columns / 2, 1}},  // the right half of each row
       {"transposition", {count / (taps * in), taps, in}, {taps * in, 1, taps}, {taps * in, in, 1}}});  // weights
}

template <class Args>
Args args_of(const View& view) {
  Args args{};
  args.rank = int(view.shape.size());
  std::copy(view.shape.begin(), view.shape.end(), args.shape);
  std::copy(view.stride_x.begin(), view.stride_x.end(), args.stride_x);
  std::copy(view.stride_y.begin(), view.stride_y.end(), args.stride_y);
  return args;
}

}  // namespace

void add_strided_copy_cases(CaseList& list) {
  for (const View& view : views(list)) {
    for (const int bytes : list.odd() ? std::vector{1, 2, 4} : std::vector{4}) {
      auto args = args_of<StridedCopyArgs>(view);
      args.element_bytes = bytes;
      const dim_t elements = span_of(args.rank, args.shape, args.stride_y).count();
      const std::string name = list.large() ? std::string("strided_copy/") + view.name : "strided_copy/copy";
      list.add(
          name, view.name + (" of " + std::to_string(elements)) + ", bytes " + std::to_string(bytes),
          [](auto& b) { return b.strided_copy.copy; }, args, strided_copy_cost(args), expect);
    }
    if (!list.odd()) continue;
    const auto args = args_of<StridedAddArgs>(view);
    list.add(
        "strided_copy/add", view.name, [](auto& b) { return b.strided_copy.add; }, args, strided_add_cost(args),
        expect);
  }
}

}  // namespace engram::cases
