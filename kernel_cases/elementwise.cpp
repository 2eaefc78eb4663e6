/// Elementwise operations.

#include "kernels/elementwise/elementwise.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

dim_t product(int rank, const dim_t* shape) {
  return std::accumulate(shape, shape + rank, dim_t(1), std::multiplies<>());
}

void describe(cases::Operands& o, UnaryArgs& a) {
  const bool positive =
      a.op == UnaryOp::kLog || a.op == UnaryOp::kSqrt || a.op == UnaryOp::kPowScalar || a.op == UnaryOp::kReciprocal;
  o.in("x", a.x, a.count).values(positive ? 0.1 : -3, 3);
  o.out("y", a.y, a.count);
}

/// Operands for which the operation has a finite result.
void describe(cases::Operands& o, BinaryArgs& a) {
  const bool positive = a.op == BinaryOp::kPow || a.op == BinaryOp::kDiv;
  o.in("x0", a.x0, a.count).values(positive ? 0.5 : -1, 1);
  o.in("x1", a.x1, a.count).values(positive ? 0.5 : -1, 1);
  o.out("y", a.y, a.count);
}

void describe(cases::Operands& o, BinaryBroadcastArgs& a) {
  o.in("x0", a.x0, cases::span_of(a.rank, a.shape, a.stride0));
  o.in("x1", a.x1, cases::span_of(a.rank, a.shape, a.stride1));
  o.out("y", a.y, product(a.rank, a.shape));
}

void describe(cases::Operands& o, FillArgs& a) {
  o.out("y", a.y, a.count);
}

void describe(cases::Operands& o, ConvertArgs& a) {
  o.in_bytes("x", a.x, {0, a.count - 1, a.count == 0}, dtype_bytes(a.x_dtype));
  o.out_bytes("y", a.y, {0, a.count - 1, a.count == 0}, dtype_bytes(a.y_dtype));
}

void expect(const UnaryArgs& a, cases::Expected& e) {
  reference::unary(a.op, e.in("x"), e.out("y", {.absolute = 1e-6, .of_value = 1e-6}), a.count, a.a, a.b);
}

void expect(const BinaryArgs& a, cases::Expected& e) {
  reference::binary(a.op, e.in("x0"), e.in("x1"), e.out("y", {.absolute = 1e-6, .of_value = 1e-6}), a.count, a.a);
}

void expect(const BinaryBroadcastArgs& a, cases::Expected& e) {
  double* y = e.out("y", {.absolute = 1e-7, .of_value = 1e-7});
  for (dim_t i = 0; i < product(a.rank, a.shape); ++i) {
    dim_t at0 = 0, at1 = 0, rest = i;
    for (int axis = a.rank - 1; axis >= 0; --axis) {
      at0 += rest % a.shape[axis] * a.stride0[axis];
      at1 += rest % a.shape[axis] * a.stride1[axis];
      rest /= a.shape[axis];
    }
    reference::binary(a.op, e.in("x0") + at0, e.in("x1") + at1, y + i, 1, a.a);
  }
}

void expect(const FillArgs& a, cases::Expected& e) {
  std::fill_n(e.out("y", {}), a.count, a.value);
}

const ElementwiseKernels kStagedElementwise = {
    cases::staged<&ElementwiseKernels::unary>, cases::staged<&ElementwiseKernels::binary>,
    cases::staged<&ElementwiseKernels::binary_broadcast>, cases::staged<&ElementwiseKernels::fill>,
    cases::staged<&ElementwiseKernels::convert>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

void add_operations(CaseList& list, dim_t count) {
  const std::string text = shape_text({count});
  std::vector<UnaryOp> unary;
  for (int op = 0; op <= int(UnaryOp::kStep); ++op) unary.push_back(UnaryOp(op));
  std::vector<BinaryOp> binary;
  for (int op = 0; op <= int(BinaryOp::kStepMul); ++op) binary.push_back(BinaryOp(op));
  for (const UnaryOp op : list.sizes<UnaryOp>(unary, {UnaryOp::kTanh, UnaryOp::kCopy}, {UnaryOp::kTanh}))
    list.add(
        "elementwise/unary", text + ", operation " + std::to_string(int(op)),
        [](auto& b) { return b.elementwise.unary; }, UnaryArgs{.op = op, .count = count, .a = 0.5f, .b = 1.5f},
        unary_cost(count), expect);
  for (const BinaryOp op : list.sizes<BinaryOp>(binary, {BinaryOp::kMul, BinaryOp::kAdd}, {BinaryOp::kMul}))
    list.add(
        "elementwise/binary", text + ", operation " + std::to_string(int(op)),
        [](auto& b) { return b.elementwise.binary; }, BinaryArgs{.op = op, .count = count, .a = 0.5f},
        binary_cost(count), expect);
}

}  // namespace

void add_elementwise_cases(CaseList& list) {
  const dim_t large = (dim_t(1) << 18) * list.scale();
  for (const dim_t count : list.sizes<dim_t>({1, 17, 1000, 70001}, {100000 * list.scale()}, {large}))
    add_operations(list, count);
  if (!list.odd() && !list.large()) return;
  // A row added to each row; and an axis of each operand repeated.
  const dim_t columns = 256, rows = large / columns;
  const auto broadcasts = list.sizes<BinaryBroadcastArgs>(
      {{.op = BinaryOp::kSub, .rank = 3, .shape = {3, 4, 5}, .stride0 = {5, 0, 1}, .stride1 = {0, 1, 0}},
       {.op = BinaryOp::kMul, .rank = 2, .shape = {301, 17}, .stride0 = {17, 1}, .stride1 = {0, 1}}},
      {}, {{.op = BinaryOp::kAdd, .rank = 2, .shape = {rows, columns}, .stride0 = {columns, 1}, .stride1 = {0, 1}}});
  for (const BinaryBroadcastArgs& args : broadcasts)
    list.add(
        "elementwise/binary_broadcast", shape_text({args.shape[0], args.shape[1]}),
        [](auto& b) { return b.elementwise.binary_broadcast; }, args, Cost{4 * (large + columns), 4 * large, large},
        expect);
  const dim_t count = list.odd() ? 1003 : large;
  list.add(
      "elementwise/to_bf16", shape_text({count}), [](auto& b) { return b.elementwise.convert; },
      ConvertArgs{.x_dtype = DType::kF32, .y_dtype = DType::kBF16, .count = count}, Cost{4 * count, 2 * count, 0});
  if (list.odd())
    list.add(
        "elementwise/fill", shape_text({count}), [](auto& b) { return b.elementwise.fill; },
        FillArgs{.count = count, .value = 2.5f}, Cost{0, 4 * count, 0}, expect);
}

}  // namespace engram::cases
