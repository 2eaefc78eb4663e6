#include <algorithm>

#include "kernels/image_batch/image_batch.h"
#include "kernels/pool/pool.h"
#include "kernels/reorder/reorder.h"
#include "kernels/resample/resample.h"
#include "kernels/softmax_xent/softmax_xent.h"
#include "kernels/spatial/spatial.h"
#include "tests/kernels/staged/device_under_test.h"
#include "tests/kernels/staged/staged_families.h"
#include "tests/kernels/staged/staging.h"

namespace engram::testing {
namespace {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

/// What both entry points of image batches share.
template <class Args>
Args staged_batch(Staging& s, const Args& args) {
  const ImageSetView& set = args.set;
  const dim_t n = args.y_shape.n;
  Args a = args;
  a.set.images = s.in(set.images, set.count * set.c * set.h * set.w);
  a.set.labels = s.in(set.labels, set.label_sets * set.count);
  a.sources = s.in(args.sources, n);
  a.holes = s.in(args.holes, n * args.num_holes);
  a.y = s.out(args.y, args.y_shape.count());
  a.y_labels = s.out(args.y_labels, n * set.label_sets);
  return a;
}

void gather_images(Stream stream, const GatherImagesArgs& args) {
  Staging s;
  GatherImagesArgs a = staged_batch(s, args);
  a.values = s.in(args.values, args.set.c * 256);
  device_under_test().kernels.image_batch.gather(stream, a);
}

void style_images(Stream stream, const StyleImagesArgs& args) {
  Staging s;
  StyleImagesArgs a = staged_batch(s, args);
  a.styles = s.in(args.styles, args.y_shape.n);
  a.mean = s.in(args.mean, args.set.c);
  a.deviation = s.in(args.deviation, args.set.c);
  device_under_test().kernels.image_batch.style(stream, a);
}

void max_pool(Stream stream, const MaxPoolArgs& args) {
  Staging s;
  const dim_t outputs = args.geometry.y().count();
  device_under_test().kernels.pool.max_pool(stream, {args.geometry, s.in(args.x, args.geometry.x.count()),
                                                     s.out(args.y, outputs), s.out(args.index, outputs)});
}

void max_pool_backward(Stream stream, const MaxPoolBackwardArgs& args) {
  Staging s;
  const dim_t outputs = args.geometry.y().count();
  device_under_test().kernels.pool.max_pool_backward(
      stream,
      {args.geometry, s.in(args.dy, outputs), s.in(args.index, outputs), s.out(args.dx, args.geometry.x.count())});
}

void gather(Stream stream, const PoolGatherArgs& args) {
  Staging s;
  const dim_t outputs = args.geometry.y().count();
  device_under_test().kernels.pool.gather(stream, {args.geometry, s.in(args.x, args.geometry.x.count()),
                                                   s.in(args.index, outputs), s.out(args.y, outputs)});
}

void avg_pool(Stream stream, const AvgPoolArgs& args) {
  Staging s;
  device_under_test().kernels.pool.avg_pool(stream, {args.geometry, s.in(args.x, args.geometry.x.count()),
                                                     s.out(args.y, args.geometry.y().count()), args.count_padding});
}

void avg_pool_backward(Stream stream, const AvgPoolBackwardArgs& args) {
  Staging s;
  device_under_test().kernels.pool.avg_pool_backward(
      stream, {args.geometry, s.in(args.dy, args.geometry.y().count()), s.out(args.dx, args.geometry.x.count()),
               args.count_padding});
}

void global_avg_pool(Stream stream, const GlobalAvgPoolArgs& args) {
  Staging s;
  device_under_test().kernels.pool.global_avg_pool(
      stream, {args.shape, s.in(args.x, args.shape.count()), s.out(args.y, args.shape.n * args.shape.c)});
}

void global_avg_pool_backward(Stream stream, const GlobalAvgPoolBackwardArgs& args) {
  Staging s;
  device_under_test().kernels.pool.global_avg_pool_backward(
      stream, {args.shape, s.in(args.dy, args.shape.n * args.shape.c), s.out(args.dx, args.shape.count())});
}

void to_blocked(Stream stream, const ReorderArgs& args) {
  Staging s;
  const dim_t pixels = args.n * args.h * args.w;
  ReorderArgs a = args;
  a.src = s.in(args.src, pixels * args.c);
  a.dst = s.out(args.dst, pixels * padded_channels(args.c, args.block));
  device_under_test().kernels.reorder.to_blocked(stream, a);
}

void to_planar(Stream stream, const ReorderArgs& args) {
  Staging s;
  const dim_t pixels = args.n * args.h * args.w;
  ReorderArgs a = args;
  a.src = s.in(args.src, pixels * padded_channels(args.c, args.block));
  a.dst = s.out(args.dst, pixels * args.c);
  device_under_test().kernels.reorder.to_planar(stream, a);
}

void upsample(Stream stream, const UpsampleNearestArgs& args) {
  Staging s;
  const dim_t count = args.x_shape.count();
  device_under_test().kernels.resample.upsample_nearest(
      stream, {args.x_shape, args.factor, s.in(args.x, count), s.out(args.y, count * args.factor * args.factor)});
}

void upsample_backward(Stream stream, const UpsampleNearestBackwardArgs& args) {
  Staging s;
  const dim_t count = args.x_shape.count();
  device_under_test().kernels.resample.upsample_nearest_backward(
      stream, {args.x_shape, args.factor, s.in(args.dy, count * args.factor * args.factor), s.out(args.dx, count)});
}

void pad(Stream stream, const PadArgs& args) {
  Staging s;
  const ActivationShape& x = args.x_shape;
  PadArgs a = args;
  a.x = s.in(args.x, x.count());
  a.y = s.out(args.y, x.n * x.c * (x.h + args.top + args.bottom) * (x.w + args.left + args.right));
  device_under_test().kernels.spatial.pad(stream, a);
}

void shifted_crop(Stream stream, const ShiftedCropArgs& args) {
  Staging s;
  const ActivationShape& x = args.x_shape;
  ShiftedCropArgs a = args;
  a.x = s.in(args.x, x.count());
  a.offsets = s.in(args.offsets, 2 * x.n);
  a.y = s.out(args.y, x.n * x.c * args.out_h * args.out_w);
  device_under_test().kernels.spatial.shifted_crop(stream, a);
}

void horizontal_flip(Stream stream, const HorizontalFlipArgs& args) {
  Staging s;
  device_under_test().kernels.spatial.horizontal_flip(
      stream, {args.shape, s.in(args.x, args.shape.count()), s.in(args.flags, args.shape.n),
               s.out(args.y, args.shape.count())});
}

/// Rows that an index reaches.
dim_t extent_of(const std::int32_t* index, dim_t count) {
  return count == 0 ? 0 : dim_t(*std::max_element(index, index + count)) + 1;
}

void gather_rows(Stream stream, const GatherRowsArgs& args) {
  Staging s;
  GatherRowsArgs a = args;
  a.x = s.in(static_cast<const char*>(args.x), extent_of(args.index, args.rows) * args.row_bytes);
  a.index = s.in(args.index, args.rows);
  a.y = s.out(static_cast<char*>(args.y), args.rows * args.row_bytes);
  device_under_test().kernels.spatial.gather_rows(stream, a);
}

void scatter_add_rows(Stream stream, const ScatterAddRowsArgs& args) {
  Staging s;
  ScatterAddRowsArgs a = args;
  a.x = s.in(args.x, args.rows * args.width);
  a.index = s.in(args.index, args.rows);
  a.y = s.inout(args.y, extent_of(args.index, args.rows) * args.width);
  device_under_test().kernels.spatial.scatter_add_rows(stream, a);
}

void first_out_of_range(Stream stream, const FirstOutOfRangeArgs& args) {
  Staging s;
  device_under_test().kernels.spatial.first_out_of_range(
      stream, {s.in(args.index, args.count), args.count, args.bound, s.out(args.first, 1)});
}

void xent(Stream stream, const SoftmaxXentForwardArgs& args) {
  Staging s;
  const dim_t count = args.rows * args.classes;
  SoftmaxXentForwardArgs a = args;
  a.logits = s.in(args.logits, count);
  a.labels = s.in(args.labels, args.rows);
  a.soft_targets = s.in(args.soft_targets, count);
  a.row_stats = s.out(args.row_stats, 2 * args.rows);
  a.row_loss = s.out(args.row_loss, args.rows);
  a.mean_loss = s.out(args.mean_loss, 1);
  a.num_invalid = s.out(args.num_invalid, 1);
  device_under_test().kernels.softmax_xent.forward(stream, a);
}

void xent_backward(Stream stream, const SoftmaxXentBackwardArgs& args) {
  Staging s;
  const dim_t count = args.rows * args.classes;
  SoftmaxXentBackwardArgs a = args;
  a.logits = s.in(args.logits, count);
  a.labels = s.in(args.labels, args.rows);
  a.soft_targets = s.in(args.soft_targets, count);
  a.row_stats = s.in(args.row_stats, 2 * args.rows);
  a.grad_mean = s.in(args.grad_mean, 1);
  a.grad_rows = s.in(args.grad_rows, args.rows);
  a.grad_logits = s.out(args.grad_logits, count);
  device_under_test().kernels.softmax_xent.backward(stream, a);
}

void log_softmax(Stream stream, const LogSoftmaxForwardArgs& args) {
  Staging s;
  const dim_t count = args.rows * args.classes;
  device_under_test().kernels.softmax_xent.log_softmax_forward(
      stream, {s.in(args.x, count), s.out(args.y, count), args.rows, args.classes});
}

void log_softmax_backward(Stream stream, const LogSoftmaxBackwardArgs& args) {
  Staging s;
  const dim_t count = args.rows * args.classes;
  device_under_test().kernels.softmax_xent.log_softmax_backward(
      stream, {s.in(args.y, count), s.in(args.grad_y, count), s.out(args.grad_x, count), args.rows, args.classes});
}

void kl(Stream stream, const KlForwardArgs& args) {
  Staging s;
  const dim_t count = args.rows * args.classes;
  KlForwardArgs a = args;
  a.student = s.in(args.student, count);
  a.teacher = s.in(args.teacher, count);
  a.student_stats = s.out(args.student_stats, 2 * args.rows);
  a.teacher_stats = s.out(args.teacher_stats, 2 * args.rows);
  a.row_kl = s.out(args.row_kl, args.rows);
  a.loss = s.out(args.loss, 1);
  device_under_test().kernels.softmax_xent.kl_forward(stream, a);
}

void kl_backward(Stream stream, const KlBackwardArgs& args) {
  Staging s;
  const dim_t count = args.rows * args.classes;
  KlBackwardArgs a = args;
  a.student = s.in(args.student, count);
  a.teacher = s.in(args.teacher, count);
  a.student_stats = s.in(args.student_stats, 2 * args.rows);
  a.teacher_stats = s.in(args.teacher_stats, 2 * args.rows);
  a.row_kl = s.in(args.row_kl, args.rows);
  a.grad = s.in(args.grad, 1);
  a.grad_student = s.out(args.grad_student, count);
  a.grad_teacher = s.out(args.grad_teacher, count);
  device_under_test().kernels.softmax_xent.kl_backward(stream, a);
}

void distill(Stream stream, const DistillForwardArgs& args) {
  Staging s;
  const dim_t count = args.rows * args.classes;
  DistillForwardArgs a = args;
  a.student = s.in(args.student, count);
  a.teacher = s.in(args.teacher, count);
  a.labels = s.in(args.labels, args.rows);
  a.row_stats = s.out(args.row_stats, kNumDistillStats * args.rows);
  a.mean_xent = s.out(args.mean_xent, 1);
  a.mean_kl = s.out(args.mean_kl, 1);
  a.num_invalid = s.out(args.num_invalid, 1);
  a.workspace = s.scratch(device_under_test().kernels.softmax_xent.distill_workspace_bytes(args.rows, args.classes));
  device_under_test().kernels.softmax_xent.distill_forward(stream, a);
}

void distill_backward(Stream stream, const DistillBackwardArgs& args) {
  Staging s;
  const dim_t count = args.rows * args.classes;
  DistillBackwardArgs a = args;
  a.student = s.in(args.student, count);
  a.teacher = s.in(args.teacher, count);
  a.labels = s.in(args.labels, args.rows);
  a.row_stats = s.in(args.row_stats, kNumDistillStats * args.rows);
  a.grad_xent = s.in(args.grad_xent, 1);
  a.grad_kl = s.in(args.grad_kl, 1);
  a.grad_student = s.out(args.grad_student, count);
  device_under_test().kernels.softmax_xent.distill_backward(stream, a);
}

std::size_t distill_workspace(dim_t rows, dim_t classes) {
  return device_under_test().kernels.softmax_xent.distill_workspace_bytes(rows, classes);
}

}  // namespace

const ImageBatchKernels kStagedImageBatch = {gather_images, style_images};
const PoolKernels kStagedPool = {
    max_pool, max_pool_backward, gather, avg_pool, avg_pool_backward, global_avg_pool, global_avg_pool_backward,
};
const ReorderKernels kStagedReorder = {to_blocked, to_planar};
const ResampleKernels kStagedResample = {upsample, upsample_backward};
const SoftmaxXentKernels kStagedSoftmaxXent = {xent,        xent_backward, log_softmax,      log_softmax_backward, kl,
                                               kl_backward, distill,       distill_backward, distill_workspace};
const SpatialKernels kStagedSpatial = {pad,         shifted_crop,     horizontal_flip,
                                       gather_rows, scatter_add_rows, first_out_of_range};

}  // namespace engram::testing
