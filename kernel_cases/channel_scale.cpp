/// The synthesiser's last step: tanh, scale, roll and flip in one pass.

#include "kernels/channel_scale/channel_scale.h"

#include <span>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

void describe(cases::Operands& o, ChannelScaleForwardArgs& a) {
  o.in("p", a.p, a.n * a.c * a.h * a.w).values(-3, 3);
  o.in("alpha", a.alpha, a.n * a.c).values(-6, 6);
  o.in("jitter", a.jitter, 1);
  o.out("y", a.y, a.n * a.c * a.h * a.w);
}

void describe(cases::Operands& o, ChannelScaleBackwardArgs& a) {
  o.in("p", a.p, a.n * a.c * a.h * a.w).values(-3, 3);
  o.in("alpha", a.alpha, a.n * a.c).values(-6, 6);
  o.in("jitter", a.jitter, 1);
  o.in("grad_y", a.grad_y, a.n * a.c * a.h * a.w);
  o.out("grad_p", a.grad_p, a.n * a.c * a.h * a.w);
  o.out("grad_alpha", a.grad_alpha, a.n * a.c);
}

void describe(cases::Operands& o, RollFlipArgs& a) {
  o.in("x", a.x, a.planes * a.h * a.w);
  o.in("jitter", a.jitter, 1);
  o.out("y", a.y, a.planes * a.h * a.w);
}

void expect(const ChannelScaleForwardArgs& a, cases::Expected& e) {
  reference::channel_scale(e.in("p"), e.in("alpha"), e.out("y", {.absolute = 2e-6}), a.n * a.c, a.h, a.w, *a.jitter);
}

void expect(const ChannelScaleBackwardArgs& a, cases::Expected& e) {
  reference::channel_scale_backward(e.in("p"), e.in("alpha"), e.in("grad_y"), e.out("grad_p", {.absolute = 4e-6}),
                                    e.out("grad_alpha", {.absolute = 1e-6 * double(a.h * a.w)}), a.n * a.c, a.h, a.w,
                                    *a.jitter);
}

void expect(const RollFlipArgs& a, cases::Expected& e) {
  reference::roll_flip(e.in("x"), e.out("y", {}), a.planes, a.h, a.w, *a.jitter, a.inverse);
}

const ChannelScaleKernels kStagedChannelScale = {cases::staged<&ChannelScaleKernels::forward>,
                                                 cases::staged<&ChannelScaleKernels::backward>,
                                                 cases::staged<&ChannelScaleKernels::roll_flip>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

/// Shifts down and right, and whether the image is mirrored: none, those of the method, and beyond the image.
const Jitter kOddJitters[] = {{0, 0, 0}, {0, 0, 1}, {2, -1, 0}, {-2, 1, 1}, {1, 2, 1}, {-100, 77, 0}, {5, -33, 1}};
const Jitter kNetworkJitters[] = {{2, -3, 1}, {2, 1, 0}, {0, 0, 0}};

void add_calls(CaseList& list, const ActivationShape& s, const Jitter& jitter) {
  const std::string text =
      shape_text({s.n, s.c, s.h, s.w}) + ", jitter " + shape_text({jitter.dy, jitter.dx, jitter.flip});
  list.add(
      "channel_scale/forward", text, [](auto& b) { return b.channel_scale.forward; },
      ChannelScaleForwardArgs{.jitter = &jitter, .n = s.n, .c = s.c, .h = s.h, .w = s.w},
      channel_scale_forward_cost(s.count()), expect);
  list.add(
      "channel_scale/backward", text, [](auto& b) { return b.channel_scale.backward; },
      ChannelScaleBackwardArgs{.jitter = &jitter, .n = s.n, .c = s.c, .h = s.h, .w = s.w},
      channel_scale_backward_cost(s.count()), expect);
  if (list.large()) return;
  for (const bool inverse : {false, true})
    list.add(
        "channel_scale/roll_flip", text + (inverse ? ", inverse" : ""),
        [](auto& b) { return b.channel_scale.roll_flip; },
        RollFlipArgs{.jitter = &jitter, .planes = s.n * s.c, .h = s.h, .w = s.w, .inverse = inverse},
        roll_flip_cost(s.count()), expect);
}

}  // namespace

void add_channel_scale_cases(CaseList& list) {
  const auto shapes = list.sizes<ActivationShape>(
      {{1, 1, 1, 1}, {2, 3, 5, 3}, {1, 2, 4, 16}, {2, 1, 7, 17}, {3, 3, 32, 32}, {1, 1, 70, 45}},
      {{16 * list.scale(), 3, 32, 32}}, {{32 * list.scale(), 3, 32, 32}});
  const std::span<const Jitter> network = kNetworkJitters;
  const std::span<const Jitter> jitters = list.odd() ? kOddJitters : network.first(list.large() ? 1 : network.size());
  for (const ActivationShape& s : shapes)
    for (const Jitter& jitter : jitters) add_calls(list, s, jitter);
  if (list.odd()) add_calls(list, {40, 3, 32, 32}, kOddJitters[4]);
}

}  // namespace engram::cases
