#include <map>
#include <memory>
#include <vector>

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/bn_stats_match/bn_stats_match.h"
#include "kernels/channel_scale/channel_scale.h"
#include "kernels/image_prior/image_prior.h"
#include "tests/kernels/staged/device_under_test.h"
#include "tests/kernels/staged/staged_families.h"
#include "tests/kernels/staged/staging.h"

namespace engram::testing {
namespace {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

/// What forward calls of both families share.
template <class Args>
Args staged_forward(Staging& s, const Args& args) {
  const dim_t count = args.shape.count(), c = args.shape.c;
  Args a = args;
  a.x = s.in(args.x, count);
  a.residual = s.in(args.residual, count);
  a.gamma = s.in(args.gamma, c);
  a.beta = s.in(args.beta, c);
  a.y = s.out(args.y, count);
  a.mask = s.out(args.mask, activation_mask_words(count));
  return a;
}

/// What backward calls of both families share.
template <class Args>
Args staged_backward(Staging& s, const Args& args) {
  const dim_t count = args.shape.count(), c = args.shape.c;
  Args a = args;
  a.x = s.in(args.x, count);
  a.grad_y = s.in(args.grad_y, count);
  a.grad_y2 = s.in(args.grad_y2, count);
  a.mask = s.in(args.mask, activation_mask_words(count));
  a.gamma = s.in(args.gamma, c);
  a.grad_x = s.out(args.grad_x, count);
  a.grad_residual = s.out(args.grad_residual, count);
  return a;
}

void train(Stream stream, const BatchNormTrainArgs& args) {
  Staging s;
  BatchNormTrainArgs a = staged_forward(s, args);
  a.running_mean = s.inout(args.running_mean, args.shape.c);
  a.running_var = s.inout(args.running_var, args.shape.c);
  a.mean = s.out(args.mean, args.shape.c);
  a.invstd = s.out(args.invstd, args.shape.c);
  a.workspace = s.scratch(device_under_test().kernels.batch_norm.workspace_bytes(args.shape));
  device_under_test().kernels.batch_norm.train(stream, a);
}

void train_backward(Stream stream, const BatchNormTrainBackwardArgs& args) {
  Staging s;
  BatchNormTrainBackwardArgs a = staged_backward(s, args);
  a.mean = s.in(args.mean, args.shape.c);
  a.invstd = s.in(args.invstd, args.shape.c);
  a.grad_gamma = s.out(args.grad_gamma, args.shape.c);
  a.grad_beta = s.out(args.grad_beta, args.shape.c);
  a.workspace = s.scratch(device_under_test().kernels.batch_norm.workspace_bytes(args.shape));
  device_under_test().kernels.batch_norm.train_backward(stream, a);
}

void eval(Stream stream, const BatchNormEvalArgs& args) {
  Staging s;
  BatchNormEvalArgs a = staged_forward(s, args);
  a.mean = s.in(args.mean, args.shape.c);
  a.var = s.in(args.var, args.shape.c);
  a.workspace = s.scratch(device_under_test().kernels.batch_norm.workspace_bytes(args.shape));
  device_under_test().kernels.batch_norm.eval(stream, a);
}

void eval_backward(Stream stream, const BatchNormEvalBackwardArgs& args) {
  Staging s;
  BatchNormEvalBackwardArgs a = staged_backward(s, args);
  a.mean = s.in(args.mean, args.shape.c);
  a.var = s.in(args.var, args.shape.c);
  a.grad_gamma = s.out(args.grad_gamma, args.shape.c);
  a.grad_beta = s.out(args.grad_beta, args.shape.c);
  a.workspace = s.scratch(device_under_test().kernels.batch_norm.workspace_bytes(args.shape));
  device_under_test().kernels.batch_norm.eval_backward(stream, a);
}

/// A forward call whose statistics are still to be finished.
struct Deferred {
  std::unique_ptr<Staging> staging;
  BnStatsMatchArgs args;
};

/// By the workspace that the caller named, which is the call's own until it is finished.
std::map<const void*, Deferred>& deferred() {
  static std::map<const void*, Deferred> calls;
  return calls;
}

void match(Stream stream, const BnStatsMatchArgs& args) {
  auto s = std::make_unique<Staging>();
  BnStatsMatchArgs a = staged_forward(*s, args);
  a.running_mean = s->in(args.running_mean, args.shape.c);
  a.running_var = s->in(args.running_var, args.shape.c);
  a.batch_mean = s->out(args.batch_mean, args.shape.c);
  a.batch_var = s->out(args.batch_var, args.shape.c);
  a.var_norm = s->out(args.var_norm, 1);
  a.mean_norm = s->out(args.mean_norm, 1);
  a.workspace = s->scratch(device_under_test().kernels.bn_stats_match.workspace_bytes(args.shape));
  device_under_test().kernels.bn_stats_match.forward(stream, a);
  if (args.defer_statistics) deferred()[args.workspace] = {std::move(s), a};
}

void finish(Stream stream, const BnStatsMatchFinishArgs& args) {
  std::vector<BnStatsMatchArgs> layers;
  for (int i = 0; i < args.num_layers; ++i) layers.push_back(deferred().at(args.layers[i].workspace).args);
  device_under_test().kernels.bn_stats_match.finish(stream, {layers.data(), args.num_layers});
  for (int i = 0; i < args.num_layers; ++i) deferred().erase(args.layers[i].workspace);
}

void match_backward(Stream stream, const BnStatsMatchBackwardArgs& args) {
  Staging s;
  BnStatsMatchBackwardArgs a = staged_backward(s, args);
  a.running_mean = s.in(args.running_mean, args.shape.c);
  a.running_var = s.in(args.running_var, args.shape.c);
  a.batch_mean = s.in(args.batch_mean, args.shape.c);
  a.batch_var = s.in(args.batch_var, args.shape.c);
  a.var_norm = s.in(args.var_norm, 1);
  a.mean_norm = s.in(args.mean_norm, 1);
  a.grad_var_norm = s.in(args.grad_var_norm, 1);
  a.grad_mean_norm = s.in(args.grad_mean_norm, 1);
  a.workspace = s.scratch(device_under_test().kernels.bn_stats_match.workspace_bytes(args.shape));
  device_under_test().kernels.bn_stats_match.backward(stream, a);
}

void scale_forward(Stream stream, const ChannelScaleForwardArgs& args) {
  Staging s;
  const dim_t planes = args.n * args.c, count = planes * args.h * args.w;
  ChannelScaleForwardArgs a = args;
  a.p = s.in(args.p, count);
  a.alpha = s.in(args.alpha, planes);
  a.jitter = s.in(args.jitter, 1);
  a.y = s.out(args.y, count);
  device_under_test().kernels.channel_scale.forward(stream, a);
}

void scale_backward(Stream stream, const ChannelScaleBackwardArgs& args) {
  Staging s;
  const dim_t planes = args.n * args.c, count = planes * args.h * args.w;
  ChannelScaleBackwardArgs a = args;
  a.p = s.in(args.p, count);
  a.alpha = s.in(args.alpha, planes);
  a.jitter = s.in(args.jitter, 1);
  a.grad_y = s.in(args.grad_y, count);
  a.grad_p = s.out(args.grad_p, count);
  a.grad_alpha = s.out(args.grad_alpha, planes);
  device_under_test().kernels.channel_scale.backward(stream, a);
}

void roll_flip(Stream stream, const RollFlipArgs& args) {
  Staging s;
  const dim_t count = args.planes * args.h * args.w;
  RollFlipArgs a = args;
  a.x = s.in(args.x, count);
  a.jitter = s.in(args.jitter, 1);
  a.y = s.out(args.y, count);
  device_under_test().kernels.channel_scale.roll_flip(stream, a);
}

void prior_forward(Stream stream, const ImagePriorForwardArgs& args) {
  Staging s;
  ImagePriorForwardArgs a = args;
  a.x = s.in(args.x, args.planes * args.h * args.w);
  a.workspace = static_cast<double*>(
      s.scratch(device_under_test().kernels.image_prior.workspace_bytes(args.planes, args.h, args.w)));
  a.norms = s.out(args.norms, kNumImageNorms);
  a.tv = s.out(args.tv, 1);
  a.l2 = s.out(args.l2, 1);
  device_under_test().kernels.image_prior.forward(stream, a);
}

void prior_backward(Stream stream, const ImagePriorBackwardArgs& args) {
  Staging s;
  const dim_t count = args.planes * args.h * args.w;
  ImagePriorBackwardArgs a = args;
  a.x = s.in(args.x, count);
  a.norms = s.in(args.norms, kNumImageNorms);
  a.grad_tv = s.in(args.grad_tv, 1);
  a.grad_l2 = s.in(args.grad_l2, 1);
  a.grad_x = s.out(args.grad_x, count);
  device_under_test().kernels.image_prior.backward(stream, a);
}

std::size_t batch_norm_workspace(const ActivationShape& shape) {
  return device_under_test().kernels.batch_norm.workspace_bytes(shape);
}
std::size_t match_workspace(const ActivationShape& shape) {
  return device_under_test().kernels.bn_stats_match.workspace_bytes(shape);
}
std::size_t prior_workspace(dim_t planes, dim_t h, dim_t w) {
  return device_under_test().kernels.image_prior.workspace_bytes(planes, h, w);
}

}  // namespace

const BatchNormKernels kStagedBatchNorm = {train, train_backward, eval, eval_backward, batch_norm_workspace};
const BnStatsMatchKernels kStagedBnStatsMatch = {match, match_backward, finish, match_workspace};
const ChannelScaleKernels kStagedChannelScale = {scale_forward, scale_backward, roll_flip};
const ImagePriorKernels kStagedImagePrior = {prior_forward, prior_backward, prior_workspace};

}  // namespace engram::testing
