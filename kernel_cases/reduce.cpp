/// Sums and extremes over axes.

#include "kernels/reduce/reduce.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

dim_t kept_count(const ReduceArgs& a) {
  return std::accumulate(a.kept_shape, a.kept_shape + a.kept_rank, dim_t(1), std::multiplies<>());
}

/// The operand's axes are the kept and the reduced ones together; they may be more than a loop has.
cases::Span span_of_operand(const ReduceArgs& a) {
  std::vector<dim_t> shape(a.kept_shape, a.kept_shape + a.kept_rank),
      stride(a.kept_stride, a.kept_stride + a.kept_rank);
  shape.insert(shape.end(), a.reduced_shape, a.reduced_shape + a.reduced_rank);
  stride.insert(stride.end(), a.reduced_stride, a.reduced_stride + a.reduced_rank);
  return cases::span_of(int(shape.size()), shape.data(), stride.data());
}

void describe(cases::Operands& o, ReduceArgs& a) {
  const cases::Span span = span_of_operand(a);
  cases::Operand& x = o.in("x", a.x, span);
  if (a.op == ReduceOp::kMax || a.op == ReduceOp::kMin)
    x.filled([count = span.count()](void* to) {  // many ties
      for (dim_t i = 0; i < count; ++i) static_cast<float*>(to)[i] = float(i * 7919 % 41 - 20);
    });
  o.out("y", a.y, kept_count(a));
  o.out("index", a.index, kept_count(a)).optional();
  // The workspace depends on whether positions are wanted.
  o.scratch(a.workspace, o.kernels<ReduceKernels>().workspace_bytes(a));
}

void expect(const ReduceArgs& a, cases::Expected& e) {
  const bool is_sum = a.op == ReduceOp::kSum || a.op == ReduceOp::kSumSquares;
  std::vector<std::int32_t> index(std::size_t(kept_count(a)), 0);
  double* y = is_sum ? e.out("y", {.absolute = 3e-6, .of_value = 3e-6}) : e.out("y", {});
  reference::reduce(a, y, is_sum ? nullptr : index.data());
  if (a.index) std::copy(index.begin(), index.end(), e.out("index", {}));
}

const ReduceKernels kStagedReduce = {cases::staged<&ReduceKernels::reduce>,
                                     cases::staged<&ReduceKernels::workspace_bytes>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

struct Axis {
  dim_t extent, stride;
};

struct Axes {
  const char* name;
  std::vector<Axis> kept, reduced;
};

std::vector<Axes> axes(const CaseList& list) {
  const dim_t rows = 1024 * list.scale(), columns = 256, images = 4 * list.scale();
  return list.sizes<Axes>(
      {{"everything", {}, {{7, 55}, {5, 11}, {11, 1}}},
       {"everything long", {}, {{300007, 1}}},
       {"everything permuted", {}, {{5, 11}, {11, 1}, {7, 55}}},
       {"last axis", {{37, 19}}, {{19, 1}}},
       {"last axis long", {{3, 70001}}, {{70001, 1}}},
       {"first axis", {{19, 1}}, {{37, 19}}},
       {"first axis long and narrow", {{5, 1}}, {{40001, 5}}},
       {"first axis wide", {{1031, 1}}, {{67, 1031}}},
       {"middle axis", {{3, 77}, {7, 1}}, {{11, 7}}},
       {"outer and inner", {{6, 35}}, {{5, 210}, {35, 1}}},
       {"outer and inner long", {{6, 1235}}, {{50, 7410}, {1235, 1}}},
       {"blocked channels", {{3, 16 * 15}, {16, 1}}, {{4, 3 * 16 * 15}, {15, 16}}},
       {"blocked pixels", {{4, 720}, {15, 16}}, {{3, 240}, {16, 1}}},
       {"strided everywhere", {{5, 3}, {4, 60}}, {{3, 19}, {2, 300}}},
       {"broadcast input", {{5, 0}, {7, 1}}, {{9, 0}}},
       {"nothing reduced", {{5, 7}, {7, 1}}, {}},
       {"extent one", {{1, 3}, {7, 1}, {1, 9}}, {{1, 7}, {13, 7}}}},
      {{"everything", {}, {{16384 * images, 1}}},
       {"long rows", {{images, 65536}}, {{65536, 1}}},
       {"rows", {{8 * images, 2048}}, {{2048, 1}}},
       {"short rows", {{512 * images, 32}}, {{32, 1}}},
       {"columns", {{2048, 1}}, {{8 * images, 2048}}},
       {"few columns", {{64, 1}}, {{1024 * images, 64}}},
       {"blocked pixels", {{images, 16384}, {16, 1}}, {{1024, 16}}},
       {"blocked channels", {{4, 16384}, {16, 1}}, {{list.scale(), 65536}, {1024, 16}}}},
      {{"sum_of_columns", {{columns, 1}}, {{rows, columns}}}, {"sum_of_rows", {{rows, columns}}, {{columns, 1}}}});
}

ReduceArgs args_of(const Axes& axes, ReduceOp op) {
  ReduceArgs args{};
  args.op = op;
  args.scale = op == ReduceOp::kSum || op == ReduceOp::kSumSquares ? 0.25 : 1;
  for (const Axis& a : axes.kept) {
    args.kept_shape[args.kept_rank] = a.extent;
    args.kept_stride[args.kept_rank++] = a.stride;
  }
  for (const Axis& a : axes.reduced) {
    args.reduced_shape[args.reduced_rank] = a.extent;
    args.reduced_stride[args.reduced_rank++] = a.stride;
  }
  return args;
}

/// An operand with NaN at one end and infinity in the middle. Lives as long as the program.
const float* with_nan(const ReduceArgs& args, bool first) {
  static std::vector<std::unique_ptr<std::vector<float>>> operands;
  const Span span = span_of_operand(args);
  auto x = std::make_unique<std::vector<float>>(std::size_t(span.count()));
  for (std::size_t i = 0; i < x->size(); ++i) (*x)[i] = float(i * 7919 % 41) - 20;
  (*x)[x->size() / 2] = std::numeric_limits<float>::infinity();
  (first ? x->front() : x->back()) = std::numeric_limits<float>::quiet_NaN();
  operands.push_back(std::move(x));
  return operands.back()->data();
}

}  // namespace

void add_reduce_cases(CaseList& list) {
  const auto add = [&](const Axes& one, const std::string& what, ReduceArgs args) {
    list.add(
        list.large() ? std::string("reduce/") + one.name : "reduce/" + what,
        std::string(one.name) + " of " + std::to_string(span_of_operand(args).count()),
        [](auto& b) { return b.reduce.reduce; }, args, reduce_cost(args), expect);
  };
  for (const Axes& one : axes(list)) {
    add(one, "sum", args_of(one, ReduceOp::kSum));
    if (!list.odd() && !list.large() && one.kept.empty()) add(one, "largest", args_of(one, ReduceOp::kMax));
    if (!list.odd()) continue;
    add(one, "sum_of_squares", args_of(one, ReduceOp::kSumSquares));
    for (const ReduceOp op : {ReduceOp::kMax, ReduceOp::kMin}) {
      const std::string what = op == ReduceOp::kMax ? "largest" : "least";
      ReduceArgs args = args_of(one, op);
      add(one, what, args);
      args.index = wanted<std::int32_t>();
      add(one, what + "_and_its_position", args);
      if (op == ReduceOp::kMin || one.reduced.empty()) continue;
      for (const bool first : {true, false}) {
        args.x = with_nan(args, first);
        args.index = wanted<std::int32_t>();
        add(one, "nan_and_its_position", args);
        args.index = nullptr;
        add(one, "nan", args);
      }
    }
  }
}

}  // namespace engram::cases
