/// Kernels over tensors of any meaning: elementwise, random numbers, sums, copies between layouts.

#include "bench/kernel_cases/kernel_case.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/random/random.h"
#include "kernels/reduce/reduce.h"
#include "kernels/reorder/reorder.h"
#include "kernels/strided_copy/strided_copy.h"

namespace engram::bench {
namespace {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

std::function<void()> unary(DeviceArrays& device, std::int64_t count) {
  return call(device.kernels().elementwise.unary,
              UnaryArgs{UnaryOp::kTanh, device.values(count), device.empty<float>(count), count});
}

std::function<void()> binary(DeviceArrays& device, std::int64_t count) {
  return call(
      device.kernels().elementwise.binary,
      BinaryArgs{BinaryOp::kMul, device.values(count), device.values(count, 0.5f), device.empty<float>(count), count});
}

constexpr dim_t kColumns = 256;

/// A row added to each row.
std::function<void()> broadcast(DeviceArrays& device, std::int64_t count) {
  return call(device.kernels().elementwise.binary_broadcast, BinaryBroadcastArgs{.op = BinaryOp::kAdd,
                                                                                 .x0 = device.values(count),
                                                                                 .x1 = device.values(kColumns),
                                                                                 .y = device.empty<float>(count),
                                                                                 .rank = 2,
                                                                                 .shape = {count / kColumns, kColumns},
                                                                                 .stride0 = {kColumns, 1},
                                                                                 .stride1 = {0, 1}});
}

std::function<void()> to_bf16(DeviceArrays& device, std::int64_t count) {
  return call(device.kernels().elementwise.convert,
              ConvertArgs{device.values(count), DType::kF32, device.empty<std::uint16_t>(count), DType::kBF16, count});
}

std::function<void()> normal(DeviceArrays& device, std::int64_t count) {
  return call(device.kernels().random.normal, NormalArgs{device.empty<float>(count), count, {7, 0}});
}

/// Sums over the rows or over the columns of a dense matrix.
ReduceArgs sum_args(std::int64_t count, bool over_rows) {
  const dim_t rows = count / kColumns;
  ReduceArgs args{};
  args.op = ReduceOp::kSum;
  args.kept_rank = args.reduced_rank = 1;
  args.kept_shape[0] = over_rows ? kColumns : rows;
  args.kept_stride[0] = over_rows ? 1 : kColumns;
  args.reduced_shape[0] = over_rows ? rows : kColumns;
  args.reduced_stride[0] = over_rows ? kColumns : 1;
  return args;
}

std::function<void()> sum(DeviceArrays& device, std::int64_t count, bool over_rows) {
  ReduceArgs args = sum_args(count, over_rows);
  args.x = device.values(count);
  args.y = device.empty<float>(args.kept_shape[0]);
  args.workspace = device.empty<char>(std::int64_t(device.kernels().reduce.workspace_bytes(args)) + 8);
  return call(device.kernels().reduce.reduce, args);
}

constexpr dim_t kChannels = 64, kPixels = 256;

ReorderArgs reorder_args(std::int64_t count) {
  return {nullptr, nullptr, count / (kChannels * kPixels), kChannels, kPixels / 16, 16, kChannels};
}

std::function<void()> reorder(DeviceArrays& device, std::int64_t count, bool to_planar) {
  ReorderArgs args = reorder_args(count);
  args.src = device.values(count);
  args.dst = device.empty<float>(count);
  const auto& family = device.kernels().reorder;
  return call(to_planar ? family.to_planar : family.to_blocked, args);
}

/// The right half of each row of a matrix.
StridedCopyArgs copy_args(std::int64_t count) {
  StridedCopyArgs args{};
  args.element_bytes = 4;
  args.rank = 2;
  args.shape[0] = count / kColumns;
  args.shape[1] = args.stride_y[0] = kColumns / 2;
  args.stride_x[0] = kColumns;
  args.stride_x[1] = args.stride_y[1] = 1;
  return args;
}

std::function<void()> strided_copy(DeviceArrays& device, std::int64_t count) {
  StridedCopyArgs args = copy_args(count);
  args.x = device.values(count) + kColumns / 2;
  args.y = device.empty<float>(count / 2);
  return call(device.kernels().strided_copy.copy, args);
}

/// Weights [out, in, 3, 3] to channels-last.
StridedCopyArgs transposition_args(std::int64_t count) {
  constexpr std::int64_t kTaps = 9, kIn = 512;
  StridedCopyArgs args{};
  args.element_bytes = 4;
  args.rank = 3;
  args.shape[0] = count / (kTaps * kIn);
  args.shape[1] = kTaps;
  args.shape[2] = kIn;
  args.stride_x[0] = args.stride_y[0] = kTaps * kIn;
  args.stride_x[1] = args.stride_y[2] = 1;
  args.stride_x[2] = kTaps;
  args.stride_y[1] = kIn;
  return args;
}

std::function<void()> transposition(DeviceArrays& device, std::int64_t count) {
  StridedCopyArgs args = transposition_args(count);
  args.x = device.values(count);
  args.y = device.empty<float>(count);
  return call(device.kernels().strided_copy.copy, args);
}

}  // namespace

void add_tensor_cases(std::vector<KernelCase>& cases, std::int64_t scale) {
  const std::int64_t count = (std::int64_t(1) << 18) * scale;
  const auto add = [&](const char* name, const Cost& cost, const auto& prepare) {
    cases.push_back({name, cost, [=](DeviceArrays& device) { return prepare(device, count); }});
  };
  add("elementwise/unary", unary_cost(count), unary);
  add("elementwise/binary", binary_cost(count), binary);
  add("elementwise/binary_broadcast", {4 * (count + kColumns), 4 * count, count}, broadcast);
  add("elementwise/to_bf16", {4 * count, 2 * count, 0}, to_bf16);
  add("random/normal", random_cost(count), normal);
  add("reduce/sum_of_columns", {4 * count, 4 * kColumns, count},
      [](DeviceArrays& device, std::int64_t n) { return sum(device, n, true); });
  add("reduce/sum_of_rows", {4 * count, 4 * count / kColumns, count},
      [](DeviceArrays& device, std::int64_t n) { return sum(device, n, false); });
  add("reorder/to_channels_last", reorder_cost(reorder_args(count)),
      [](DeviceArrays& device, std::int64_t n) { return reorder(device, n, false); });
  add("reorder/to_planar", reorder_cost(reorder_args(count)),
      [](DeviceArrays& device, std::int64_t n) { return reorder(device, n, true); });
  add("strided_copy/copy", strided_copy_cost(copy_args(count)), strided_copy);
  add("strided_copy/transposition", strided_copy_cost(transposition_args(count)), transposition);
}

}  // namespace engram::bench
