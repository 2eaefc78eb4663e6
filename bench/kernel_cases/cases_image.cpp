/// Kernels over images: the synthesiser's last step, the image prior.

#include "bench/kernel_cases/kernel_case.h"
#include "kernels/channel_scale/channel_scale.h"
#include "kernels/image_prior/image_prior.h"

namespace engram::bench {
namespace {

constexpr std::int64_t kC = 3, kSide = 32;

std::int64_t values_of(std::int64_t images) {
  return images * kC * kSide * kSide;
}

std::function<void()> scale_forward(DeviceArrays& device, std::int64_t images) {
  kernels::ChannelScaleForwardArgs args{};
  args.p = device.values(values_of(images));
  args.alpha = device.values(images * kC);
  args.jitter = device.copy_of(std::vector<kernels::Jitter>{{2, -3, 1}});
  args.y = device.empty<float>(values_of(images));
  args.n = images;
  args.c = kC;
  args.h = args.w = kSide;
  return call(device.kernels().channel_scale.forward, args);
}

std::function<void()> scale_backward(DeviceArrays& device, std::int64_t images) {
  kernels::ChannelScaleBackwardArgs args{};
  args.p = device.values(values_of(images));
  args.alpha = device.values(images * kC);
  args.jitter = device.copy_of(std::vector<kernels::Jitter>{{2, -3, 1}});
  args.grad_y = device.values(values_of(images));
  args.grad_p = device.empty<float>(values_of(images));
  args.grad_alpha = device.empty<float>(images * kC);
  args.n = images;
  args.c = kC;
  args.h = args.w = kSide;
  return call(device.kernels().channel_scale.backward, args);
}

kernels::ImagePriorForwardArgs prior_args(DeviceArrays& device, std::int64_t images) {
  kernels::ImagePriorForwardArgs args{};
  args.x = device.values(values_of(images));
  args.planes = images * kC;
  args.h = args.w = kSide;
  const std::size_t bytes = device.kernels().image_prior.workspace_bytes(images * kC, kSide, kSide);
  args.workspace = device.empty<double>(std::int64_t(bytes / sizeof(double)) + 1);
  args.norms = device.empty<float>(kernels::kNumImageNorms);
  args.tv = device.empty<float>(1);
  args.l2 = device.empty<float>(1);
  return args;
}

std::function<void()> prior_backward(DeviceArrays& device, std::int64_t images) {
  const auto forward = prior_args(device, images);
  device.kernels().image_prior.forward({}, forward);
  kernels::ImagePriorBackwardArgs args{};
  args.x = forward.x;
  args.norms = forward.norms;
  args.grad_tv = device.values(1, 0.5f, 1.0f);
  args.grad_l2 = device.values(1, 0.5f, 1.0f);
  args.planes = images * kC;
  args.h = args.w = kSide;
  args.grad_x = device.empty<float>(values_of(images));
  return call(device.kernels().image_prior.backward, args);
}

}  // namespace

void add_image_cases(std::vector<KernelCase>& cases, std::int64_t scale) {
  const std::int64_t images = 32 * scale, count = values_of(images);
  const auto add = [&](const char* name, const Cost& cost, const auto& prepare) {
    cases.push_back({name, cost, [=](DeviceArrays& device) { return prepare(device, images); }});
  };
  add("channel_scale/forward", kernels::channel_scale_forward_cost(count), scale_forward);
  add("channel_scale/backward", kernels::channel_scale_backward_cost(count), scale_backward);
  add("image_prior/forward", kernels::image_prior_forward_cost(count), [](DeviceArrays& device, std::int64_t n) {
    return call(device.kernels().image_prior.forward, prior_args(device, n));
  });
  add("image_prior/backward", kernels::image_prior_backward_cost(count), prior_backward);
}

}  // namespace engram::bench
