/// Kernels over images: the synthesiser's last step, the image prior, batches from stored bytes.

#include "bench/kernel_cases/kernel_case.h"
#include "kernels/channel_scale/channel_scale.h"
#include "kernels/image_batch/image_batch.h"
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

/// A set of as many images as the batch, and the draws of a training step: shifts of up to 4 pixels, mirror images.
template <class Args>
Args batch_args(DeviceArrays& device, std::int64_t images, std::int64_t block) {
  std::vector<std::uint8_t> bytes(std::size_t(values_of(images)));
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::uint8_t(i * 2654435761u >> 24);
  std::vector<kernels::ImageSource> sources;
  for (std::int32_t i = 0; i < images; ++i)
    sources.push_back({std::int32_t((i * 7 + 3) % images), i % 9 - 4, i / 3 % 9 - 4, i & 1});
  Args args{};
  args.set.images = device.copy_of(bytes);
  args.set.labels = device.copy_of(std::vector<std::int32_t>(std::size_t(images), 1));
  args.set.count = images;
  args.set.c = kC;
  args.set.h = args.set.w = kSide;
  args.set.label_sets = 1;
  args.sources = device.copy_of(sources);
  args.y_shape = {images, kC, kSide, kSide, block};
  args.y = device.empty<float>(values_of(images));
  args.y_labels = device.empty<std::int32_t>(images);
  return args;
}

kernels::GatherImagesArgs gather_args(DeviceArrays& device, std::int64_t images) {
  auto args = batch_args<kernels::GatherImagesArgs>(device, images, kC);
  args.values = device.values(kC * 256);
  return args;
}

kernels::StyleImagesArgs style_args(DeviceArrays& device, std::int64_t images) {
  auto args = batch_args<kernels::StyleImagesArgs>(device, images, kC);
  kernels::ImageStyle style;
  style.top = 3;
  style.left = 2;
  style.height = 25;
  style.width = 28;
  style.brightness = style.contrast = style.saturation = 1.2f;
  style.hue = 0.1f;
  args.styles = device.copy_of(std::vector<kernels::ImageStyle>(std::size_t(images), style));
  args.colours = true;
  args.mean = device.values(kC, 0.4f, 0.5f);
  args.deviation = device.values(kC, 0.2f, 0.3f);
  return args;
}

/// The declared cost of a call at these sizes.
template <class Args>
Args sizes_only(std::int64_t images) {
  Args args{};
  args.set.c = kC;
  args.set.h = args.set.w = kSide;
  args.set.label_sets = 1;
  args.y_shape = {images, kC, kSide, kSide, kC};
  static std::int32_t labels;
  args.y_labels = &labels;
  return args;
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
  add("image_batch/gather", kernels::gather_images_cost(sizes_only<kernels::GatherImagesArgs>(images)),
      [](DeviceArrays& device, std::int64_t n) {
        return call(device.kernels().image_batch.gather, gather_args(device, n));
      });
  // Bytes that are equal or lie in different banks of the table read together; others wait.
  cases.back().declared_conflicts = std::uint64_t(count);
  cases.back().why_conflicts = "the table is read at places that the images' bytes name";
  kernels::StyleImagesArgs styled = sizes_only<kernels::StyleImagesArgs>(images);
  styled.colours = true;
  add("image_batch/style", kernels::style_images_cost(styled), [](DeviceArrays& device, std::int64_t n) {
    return call(device.kernels().image_batch.style, style_args(device, n));
  });
  add("image_prior/backward", kernels::image_prior_backward_cost(count), prior_backward);
}

}  // namespace engram::bench
