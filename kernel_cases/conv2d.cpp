/// Convolutions at the layers of the networks, by the fast and the exact rule, with weights packed in every call and
/// kept packed. Operations are those of the direct method, so that Winograd can pass the machine's peak.

#include "kernels/conv2d/conv2d.h"

#include "kernel_cases/kernel_case.h"

namespace engram::kernels {

template <class Args>
void describe_workspace(cases::Operands& o, Args& a, ConvPass pass) {
  o.scratch(a.workspace,
            o.kernels<Conv2dKernels>().workspace_bytes({.shape = a.shape, .pass = pass, .policy = a.policy}));
}

void describe(cases::Operands& o, Conv2dFpropArgs& a) {
  o.in("x", a.x, a.shape.x().count());
  o.in("weight", a.weight.data, a.shape.weight_count());
  o.out("y", a.y, a.shape.y().count());
  describe_workspace(o, a, ConvPass::kFprop);
}

void describe(cases::Operands& o, Conv2dDgradArgs& a) {
  o.in("gy", a.gy, a.shape.y().count());
  o.in("weight", a.weight.data, a.shape.weight_count());
  o.out("gx", a.gx, a.shape.x().count());
  describe_workspace(o, a, ConvPass::kDgrad);
}

void describe(cases::Operands& o, Conv2dWgradArgs& a) {
  o.in("x", a.x, a.shape.x().count());
  o.in("gy", a.gy, a.shape.y().count());
  o.out("gw", a.gw, a.shape.weight_count());
  describe_workspace(o, a, ConvPass::kWgrad);
}

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

struct Layer {
  dim_t ic, oc, size, kernel = 3, stride = 1;
};

/// The residual networks', then the generator's and the decoders'.
const std::vector<Layer> kLayers = {
    {3, 64, 32},         {64, 64, 32},        {128, 128, 16},   {256, 256, 8},      {512, 512, 4}, {64, 128, 32, 3, 2},
    {256, 512, 8, 3, 2}, {64, 128, 32, 1, 2}, {512, 512, 2},    {3, 16, 32},        {16, 16, 32},  {32, 32, 16},
    {32, 32, 32},        {32, 32, 8},         {64, 64, 8},      {16, 32, 32, 3, 2}, {16, 32, 32},  {32, 64, 16},
    {128, 64, 32},       {64, 3, 32},         {512, 256, 4, 1}, {128, 64, 16, 1}};

/// Packed weights of one case; they live as long as the program.
WeightPackCache* kept_weights() {
  static std::vector<std::shared_ptr<WeightPackCache>> caches;
  caches.push_back(make_weight_pack_cache());
  return caches.back().get();
}

void add_passes(CaseList& list, const Conv2dShape& shape, ConvPolicy policy, bool kept) {
  const std::string text = shape_text(shape.x()) + " to " + std::to_string(shape.oc) + ", " + std::to_string(shape.kh) +
                           "x" + std::to_string(shape.kw) + " stride " + std::to_string(shape.stride_h) +
                           (policy == ConvPolicy::kExact ? ", exact" : "") + (kept ? ", kept" : "");
  const auto weight = [kept] { return ConvWeight{.version = 1, .cache = kept ? kept_weights() : nullptr}; };
  const auto add = [&](const char* name, ConvPass pass, auto entry, const auto& args) {
    list.add(name, text, entry, args, conv2d_cost(shape, pass)).planned([=] {
      return conv2d_plan_info(shape, pass, policy);
    });
  };
  add(
      "conv2d/fprop", ConvPass::kFprop, [](auto& b) { return b.conv2d.fprop; },
      Conv2dFpropArgs{.shape = shape, .policy = policy, .weight = weight()});
  add(
      "conv2d/dgrad", ConvPass::kDgrad, [](auto& b) { return b.conv2d.dgrad; },
      Conv2dDgradArgs{.shape = shape, .policy = policy, .weight = weight()});
  if (kept) return;
  add(
      "conv2d/wgrad", ConvPass::kWgrad, [](auto& b) { return b.conv2d.wgrad; },
      Conv2dWgradArgs{.shape = shape, .policy = policy});
}

}  // namespace

void add_conv2d_cases(CaseList& list) {
  for (const Layer& layer : list.sizes<Layer>({}, kLayers, {{64, 64, 16}})) {
    const Conv2dShape shape = {.n = (list.large() ? 16 : 8) * list.scale(),
                               .ic = layer.ic,
                               .ih = layer.size,
                               .iw = layer.size,
                               .oc = layer.oc,
                               .kh = layer.kernel,
                               .kw = layer.kernel,
                               .stride_h = layer.stride,
                               .stride_w = layer.stride,
                               .pad_h = layer.kernel / 2,
                               .pad_w = layer.kernel / 2,
                               .x_block = list.block_of(layer.ic),
                               .y_block = list.block_of(layer.oc)};
    add_passes(list, shape, ConvPolicy::kFast, false);
    if (list.large()) continue;
    add_passes(list, shape, ConvPolicy::kFast, true);
    add_passes(list, shape, ConvPolicy::kExact, false);
  }
}

}  // namespace engram::cases
