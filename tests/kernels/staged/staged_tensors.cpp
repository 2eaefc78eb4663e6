#include <vector>

#include "kernels/elementwise/elementwise.h"
#include "kernels/grad_cosine/grad_cosine.h"
#include "kernels/optim_step/optim_step.h"
#include "kernels/random/random.h"
#include "kernels/reduce/reduce.h"
#include "kernels/strided_copy/strided_copy.h"
#include "tests/kernels/staged/device_under_test.h"
#include "tests/kernels/staged/staged_families.h"
#include "tests/kernels/staged/staging.h"

namespace engram::testing {
namespace {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void unary(Stream stream, const UnaryArgs& args) {
  Staging s;
  UnaryArgs a = args;
  a.x = s.in(args.x, args.count);
  a.y = s.out(args.y, args.count);
  device_under_test().kernels.elementwise.unary(stream, a);
}

void binary(Stream stream, const BinaryArgs& args) {
  Staging s;
  BinaryArgs a = args;
  a.x0 = s.in(args.x0, args.count);
  a.x1 = s.in(args.x1, args.count);
  a.y = s.out(args.y, args.count);
  device_under_test().kernels.elementwise.binary(stream, a);
}

dim_t product(int rank, const dim_t* shape) {
  dim_t count = 1;
  for (int i = 0; i < rank; ++i) count *= shape[i];
  return count;
}

void binary_broadcast(Stream stream, const BinaryBroadcastArgs& args) {
  Staging s;
  BinaryBroadcastArgs a = args;
  a.x0 = static_cast<const float*>(s.in_strided(args.x0, args.rank, args.shape, args.stride0, 4));
  a.x1 = static_cast<const float*>(s.in_strided(args.x1, args.rank, args.shape, args.stride1, 4));
  a.y = s.out(args.y, product(args.rank, args.shape));
  device_under_test().kernels.elementwise.binary_broadcast(stream, a);
}

void fill(Stream stream, const FillArgs& args) {
  Staging s;
  device_under_test().kernels.elementwise.fill(stream, {s.out(args.y, args.count), args.count, args.value});
}

void convert(Stream stream, const ConvertArgs& args) {
  Staging s;
  ConvertArgs a = args;
  a.x = s.in(static_cast<const char*>(args.x), args.count * dim_t(dtype_bytes(args.x_dtype)));
  a.y = s.out(static_cast<char*>(args.y), args.count * dim_t(dtype_bytes(args.y_dtype)));
  device_under_test().kernels.elementwise.convert(stream, a);
}

void cosine(Stream stream, const GradCosineForwardArgs& args) {
  Staging s;
  const dim_t count = args.rows * args.width;
  GradCosineForwardArgs a = args;
  a.a = s.in(args.a, count);
  a.b = s.in(args.b, count);
  a.cos = s.out(args.cos, args.rows);
  a.row_stats = s.out(args.row_stats, args.rows * kNumCosineStats);
  a.workspace = s.scratch(device_under_test().kernels.grad_cosine.workspace_bytes(args.rows, args.width));
  device_under_test().kernels.grad_cosine.forward(stream, a);
}

void cosine_backward(Stream stream, const GradCosineBackwardArgs& args) {
  Staging s;
  const dim_t count = args.rows * args.width;
  GradCosineBackwardArgs a = args;
  a.a = s.in(args.a, count);
  a.b = s.in(args.b, count);
  a.row_stats = s.in(args.row_stats, args.rows * kNumCosineStats);
  a.grad_cos = s.in(args.grad_cos, args.rows);
  a.grad_a = s.out(args.grad_a, count);
  a.grad_b = s.out(args.grad_b, count);
  device_under_test().kernels.grad_cosine.backward(stream, a);
}

void cosine_double_backward(Stream stream, const GradCosineDoubleBackwardArgs& args) {
  Staging s;
  const dim_t count = args.rows * args.width;
  GradCosineDoubleBackwardArgs a = args;
  a.a = s.in(args.a, count);
  a.b = s.in(args.b, count);
  a.row_stats = s.in(args.row_stats, args.rows * kNumCosineStats);
  a.grad_cos = s.in(args.grad_cos, args.rows);
  a.v_a = s.in(args.v_a, count);
  a.v_b = s.in(args.v_b, count);
  a.grad_a = s.out(args.grad_a, count);
  a.grad_b = s.out(args.grad_b, count);
  a.grad_grad_cos = s.out(args.grad_grad_cos, args.rows);
  a.workspace = s.scratch(device_under_test().kernels.grad_cosine.workspace_bytes(args.rows, args.width));
  device_under_test().kernels.grad_cosine.double_backward(stream, a);
}

std::size_t cosine_workspace(dim_t rows, dim_t width) {
  return device_under_test().kernels.grad_cosine.workspace_bytes(rows, width);
}

void sgd(Stream stream, const SgdArgs& args) {
  Staging s;
  std::vector<SgdTensor> tensors(args.tensors, args.tensors + args.num_tensors);
  for (SgdTensor& t : tensors) {
    t.param = s.inout(t.param, t.count);
    t.grad = s.in(t.grad, t.count);
    t.momentum = t.first_step ? s.out(t.momentum, t.count) : s.inout(t.momentum, t.count);
  }
  SgdArgs a = args;
  a.tensors = tensors.data();
  a.lr = s.in(args.lr, 1);
  a.grad_scale = s.in(args.grad_scale, 1);
  device_under_test().kernels.optim_step.sgd(stream, a);
}

void adam(Stream stream, const AdamArgs& args) {
  Staging s;
  std::vector<AdamTensor> tensors(args.tensors, args.tensors + args.num_tensors);
  for (AdamTensor& t : tensors) {
    t.param = s.inout(t.param, t.count);
    t.grad = s.in(t.grad, t.count);
    t.m = s.inout(t.m, t.count);
    t.v = s.inout(t.v, t.count);
    t.step = s.inout(t.step, 1);
  }
  AdamArgs a = args;
  a.tensors = tensors.data();
  a.lr = s.in(args.lr, 1);
  a.grad_scale = s.in(args.grad_scale, 1);
  device_under_test().kernels.optim_step.adam(stream, a);
}

void ema(Stream stream, const EmaArgs& args) {
  Staging s;
  std::vector<EmaTensor> tensors(args.tensors, args.tensors + args.num_tensors);
  for (EmaTensor& t : tensors) {
    t.average = s.inout(t.average, t.count);
    t.value = s.in(t.value, t.count);
  }
  device_under_test().kernels.optim_step.ema(stream, {tensors.data(), args.num_tensors, args.decay});
}

void keep_best(Stream stream, const KeepBestArgs& args) {
  Staging s;
  std::vector<EmaTensor> tensors(args.tensors, args.tensors + args.num_tensors);
  for (EmaTensor& t : tensors) {
    t.average = s.inout(t.average, t.count);
    t.value = s.in(t.value, t.count);
  }
  device_under_test().kernels.optim_step.keep_best(
      stream, {tensors.data(), args.num_tensors, s.in(args.loss, 1), s.inout(args.best, 1)});
}

void grad_norm(Stream stream, const GradNormArgs& args) {
  Staging s;
  std::vector<GradTensor> tensors(args.tensors, args.tensors + args.num_tensors);
  for (GradTensor& t : tensors) t.grad = s.in(t.grad, t.count);
  GradNormArgs a = args;
  a.tensors = tensors.data();
  a.workspace = static_cast<double*>(
      s.scratch(device_under_test().kernels.optim_step.grad_norm_workspace_bytes(tensors.data(), args.num_tensors)));
  a.norm = s.out(args.norm, 1);
  a.factor = s.out(args.factor, 1);
  device_under_test().kernels.optim_step.grad_norm(stream, a);
}

std::size_t grad_norm_workspace(const GradTensor* tensors, int num_tensors) {
  return device_under_test().kernels.optim_step.grad_norm_workspace_bytes(tensors, num_tensors);
}

template <class Args>
void fill_random(Stream stream, const Args& args, void (*run)(Stream, const Args&)) {
  Staging s;
  Args a = args;
  a.y = s.out(args.y, args.count);
  a.stream.base = args.stream.base ? s.in(args.stream.base, 1) : nullptr;
  run(stream, a);
}
void uniform(Stream stream, const UniformArgs& args) {
  fill_random(stream, args, device_under_test().kernels.random.uniform);
}
void normal(Stream stream, const NormalArgs& args) {
  fill_random(stream, args, device_under_test().kernels.random.normal);
}
void bernoulli(Stream stream, const BernoulliArgs& args) {
  fill_random(stream, args, device_under_test().kernels.random.bernoulli);
}
void integers(Stream stream, const RandomIntegersArgs& args) {
  fill_random(stream, args, device_under_test().kernels.random.integers);
}

void reduce(Stream stream, const ReduceArgs& args) {
  Staging s;
  // The operand's axes are the kept and the reduced ones together; they may be more than a loop has.
  dim_t shape[2 * kMaxRank], stride[2 * kMaxRank];
  int rank = 0;
  for (int i = 0; i < args.kept_rank; ++i) shape[rank] = args.kept_shape[i], stride[rank++] = args.kept_stride[i];
  for (int i = 0; i < args.reduced_rank; ++i)
    shape[rank] = args.reduced_shape[i], stride[rank++] = args.reduced_stride[i];
  const dim_t outputs = product(args.kept_rank, args.kept_shape);
  ReduceArgs a = args;
  a.x = static_cast<const float*>(s.in_strided(args.x, rank, shape, stride, 4));
  a.y = s.out(args.y, outputs);
  a.index = s.out(args.index, outputs);
  a.workspace = s.scratch(device_under_test().kernels.reduce.workspace_bytes(a));
  device_under_test().kernels.reduce.reduce(stream, a);
}

std::size_t reduce_workspace(const ReduceArgs& args) {
  return device_under_test().kernels.reduce.workspace_bytes(args);
}

void copy(Stream stream, const StridedCopyArgs& args) {
  Staging s;
  StridedCopyArgs a = args;
  a.x = s.in_strided(args.x, args.rank, args.shape, args.stride_x, args.element_bytes);
  a.y = s.inout_strided(args.y, args.rank, args.shape, args.stride_y, args.element_bytes);
  device_under_test().kernels.strided_copy.copy(stream, a);
}

void add(Stream stream, const StridedAddArgs& args) {
  Staging s;
  StridedAddArgs a = args;
  a.x = static_cast<const float*>(s.in_strided(args.x, args.rank, args.shape, args.stride_x, 4));
  a.y = static_cast<float*>(s.inout_strided(args.y, args.rank, args.shape, args.stride_y, 4));
  device_under_test().kernels.strided_copy.add(stream, a);
}

}  // namespace

const ElementwiseKernels kStagedElementwise = {unary, binary, binary_broadcast, fill, convert};
const GradCosineKernels kStagedGradCosine = {cosine, cosine_backward, cosine_double_backward, cosine_workspace};
const OptimStepKernels kStagedOptimStep = {sgd, adam, ema, keep_best, grad_norm, grad_norm_workspace};
const RandomKernels kStagedRandom = {uniform, normal, bernoulli, integers};
const ReduceKernels kStagedReduce = {reduce, reduce_workspace};
const StridedCopyKernels kStagedStridedCopy = {copy, add};

}  // namespace engram::testing
