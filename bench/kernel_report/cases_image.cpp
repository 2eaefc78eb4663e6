/// Kernels over images: the synthesiser's last step, the image prior.

#include "bench/kernel_report/kernel_case.h"
#include "kernels/channel_scale/channel_scale.h"
#include "kernels/image_prior/image_prior.h"

namespace engram::bench {
namespace {

constexpr std::int64_t kN = 32, kC = 3, kSide = 32, kPlanes = kN * kC, kCount = kPlanes * kSide * kSide;

std::function<void()> scale_forward(DeviceArrays& device) {
  kernels::ChannelScaleForwardArgs args{};
  args.p = device.values(kCount);
  args.alpha = device.values(kPlanes);
  args.jitter = device.copy_of(std::vector<kernels::Jitter>{{2, -3, 1}});
  args.y = device.empty<float>(kCount);
  args.n = kN;
  args.c = kC;
  args.h = args.w = kSide;
  return [args] { kernels::kCudaChannelScale.forward({}, args); };
}

std::function<void()> scale_backward(DeviceArrays& device) {
  kernels::ChannelScaleBackwardArgs args{};
  args.p = device.values(kCount);
  args.alpha = device.values(kPlanes);
  args.jitter = device.copy_of(std::vector<kernels::Jitter>{{2, -3, 1}});
  args.grad_y = device.values(kCount);
  args.grad_p = device.empty<float>(kCount);
  args.grad_alpha = device.empty<float>(kPlanes);
  args.n = kN;
  args.c = kC;
  args.h = args.w = kSide;
  return [args] { kernels::kCudaChannelScale.backward({}, args); };
}

kernels::ImagePriorForwardArgs prior_args(DeviceArrays& device) {
  kernels::ImagePriorForwardArgs args{};
  args.x = device.values(kCount);
  args.planes = kPlanes;
  args.h = args.w = kSide;
  const std::size_t bytes = kernels::kCudaImagePrior.workspace_bytes(kPlanes, kSide, kSide);
  args.workspace = device.empty<double>(std::int64_t(bytes / sizeof(double)) + 1);
  args.norms = device.empty<float>(kernels::kNumImageNorms);
  args.tv = device.empty<float>(1);
  args.l2 = device.empty<float>(1);
  return args;
}

std::function<void()> prior_backward(DeviceArrays& device) {
  const auto forward = prior_args(device);
  kernels::kCudaImagePrior.forward({}, forward);
  kernels::ImagePriorBackwardArgs args{};
  args.x = forward.x;
  args.norms = forward.norms;
  args.grad_tv = device.values(1, 0.5f, 1.0f);
  args.grad_l2 = device.values(1, 0.5f, 1.0f);
  args.planes = kPlanes;
  args.h = args.w = kSide;
  args.grad_x = device.empty<float>(kCount);
  return [args] { kernels::kCudaImagePrior.backward({}, args); };
}

}  // namespace

void add_image_cases(std::vector<KernelCase>& cases) {
  cases.push_back({"channel_scale/forward", kernels::channel_scale_forward_cost(kCount), scale_forward});
  cases.push_back({"channel_scale/backward", kernels::channel_scale_backward_cost(kCount), scale_backward});
  cases.push_back({"image_prior/forward", kernels::image_prior_forward_cost(kCount),
                   [](DeviceArrays& device) -> std::function<void()> {
                     return [args = prior_args(device)] { kernels::kCudaImagePrior.forward({}, args); };
                   }});
  cases.push_back({"image_prior/backward", kernels::image_prior_backward_cost(kCount), prior_backward});
}

}  // namespace engram::bench
