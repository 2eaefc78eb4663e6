#include <map>
#include <vector>

#include "kernels/common/error.h"
#include "kernels/conv2d/conv2d_plan.h"

namespace engram::kernels {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
constexpr auto kF32 = memory::data_type::f32;
constexpr std::size_t kMostPlans = 1024;

/// A pair of layouts to try, best first.
struct Candidate {
  Tag x, y;
};

struct Geometry {
  memory::dims x, w, y, strides, pad_low, pad_high;

  explicit Geometry(const Conv2dShape& s)
      : x{s.n, s.ic, s.ih, s.iw},
        w{s.oc, s.ic, s.kh, s.kw},
        y{s.n, s.oc, s.oh(), s.ow()},
        strides{s.stride_h, s.stride_w},
        pad_low{s.pad_h, s.pad_w},
        pad_high{(s.oh() - 1) * s.stride_h + s.kh - s.ih - s.pad_h, (s.ow() - 1) * s.stride_w + s.kw - s.iw - s.pad_w} {
    if (s.groups > 1) w = {s.groups, s.oc / s.groups, s.ic / s.groups, s.kh, s.kw};
  }
};

Tag user_tag(dim_t block) { return block == 1 ? Tag::nchw : Tag::nChw16c; }

/// oneDNN's kernels want blocked channels; only the forward and weight passes of an image-like source read planar data fast. A planar
/// tensor with few channels is therefore padded to one block by a reorder, except in that case.
std::vector<Candidate> candidates(const ConvPlanKey& key) {
  const Conv2dShape& s = key.shape;
  if (s.groups > 1) return {{Tag::any, Tag::any}, {Tag::nchw, Tag::nchw}};
  std::vector<Candidate> list;
  if (s.x_block == 1 && s.ic <= 3 && key.pass != ConvPass::kDgrad) list.push_back({Tag::nchw, Tag::nChw16c});
  list.push_back({Tag::nChw16c, Tag::nChw16c});
  list.push_back({Tag::any, Tag::any});
  return list;
}

dnnl::convolution_forward::primitive_desc forward_desc(const ConvPlanKey& key, const Geometry& g, dnnl::algorithm algorithm,
                                                       const Candidate& c, dnnl::prop_kind kind, const dnnl::primitive_attr& attr,
                                                       bool bias) {
  const memory::desc x(g.x, kF32, c.x), w(g.w, kF32, Tag::any), y(g.y, kF32, c.y), b({key.shape.oc}, kF32, Tag::a);
  using Desc = dnnl::convolution_forward::desc;
  const Desc desc = bias ? Desc(kind, algorithm, x, w, b, y, g.strides, g.pad_low, g.pad_high)
                         : Desc(kind, algorithm, x, w, y, g.strides, g.pad_low, g.pad_high);
  return {desc, attr, onednn_engine()};
}

dnnl::primitive_attr plan_attributes(const ConvPlanKey& key) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops ops;
  if (key.add_residual) ops.append_sum(1.f);
  if (key.relu) ops.append_eltwise(1.f, dnnl::algorithm::eltwise_relu, 0.f, 0.f);
  attr.set_post_ops(ops);
  return attr;
}

template <class PrimitiveDesc>
void take_common(ConvPlan& plan, const PrimitiveDesc& pd) {
  plan.scratchpad = pd.scratchpad_desc();
  plan.info = pd.impl_info_str();
}

void build_fprop(ConvPlan& plan, const Geometry& g, dnnl::algorithm algorithm, const Candidate& c) {
  const ConvPlanKey& key = plan.key;
  const auto pd = forward_desc(key, g, algorithm, c, dnnl::prop_kind::forward_inference, plan_attributes(key), key.bias);
  plan.primitive = dnnl::convolution_forward(pd);
  plan.x.wanted = pd.src_desc();
  plan.w.wanted = pd.weights_desc();
  plan.y.wanted = pd.dst_desc();
  plan.bias = pd.bias_desc();
  take_common(plan, pd);
}

void build_dgrad(ConvPlan& plan, const Geometry& g, dnnl::algorithm algorithm, const Candidate& c) {
  const auto hint = forward_desc(plan.key, g, algorithm, c, dnnl::prop_kind::forward_training, {}, false);
  const memory::desc x(g.x, kF32, c.x), w(g.w, kF32, Tag::any), y(g.y, kF32, c.y);
  const dnnl::convolution_backward_data::primitive_desc pd({algorithm, x, w, y, g.strides, g.pad_low, g.pad_high},
                                                           plan_attributes(plan.key), onednn_engine(), hint);
  plan.primitive = dnnl::convolution_backward_data(pd);
  plan.x.wanted = pd.diff_src_desc();
  plan.w.wanted = pd.weights_desc();
  plan.y.wanted = pd.diff_dst_desc();
  take_common(plan, pd);
}

void build_wgrad(ConvPlan& plan, const Geometry& g, dnnl::algorithm algorithm, const Candidate& c) {
  const auto hint = forward_desc(plan.key, g, algorithm, c, dnnl::prop_kind::forward_training, {}, plan.key.bias);
  const memory::desc x(g.x, kF32, c.x), w(g.w, kF32, Tag::any), y(g.y, kF32, c.y), b({plan.key.shape.oc}, kF32, Tag::a);
  using Desc = dnnl::convolution_backward_weights::desc;
  const Desc desc = plan.key.bias ? Desc(algorithm, x, w, b, y, g.strides, g.pad_low, g.pad_high)
                                  : Desc(algorithm, x, w, y, g.strides, g.pad_low, g.pad_high);
  const dnnl::convolution_backward_weights::primitive_desc pd(desc, plan_attributes(plan.key), onednn_engine(), hint);
  plan.primitive = dnnl::convolution_backward_weights(pd);
  plan.x.wanted = pd.src_desc();
  plan.w.wanted = pd.diff_weights_desc();
  plan.y.wanted = pd.diff_dst_desc();
  plan.bias = pd.diff_bias_desc();
  take_common(plan, pd);
}

bool build(ConvPlan& plan, const Geometry& g, dnnl::algorithm algorithm, const Candidate& c) {
  try {
    switch (plan.key.pass) {
      case ConvPass::kFprop:
        build_fprop(plan, g, algorithm, c);
        break;
      case ConvPass::kDgrad:
        build_dgrad(plan, g, algorithm, c);
        break;
      case ConvPass::kWgrad:
        build_wgrad(plan, g, algorithm, c);
        break;
    }
  } catch (const dnnl::error&) {
    return false;
  }
  return true;
}

bool is_reference(const std::string& info) { return info.rfind("ref", 0) == 0; }

std::shared_ptr<ConvPlan> make_plan(const ConvPlanKey& key) {
  static std::uint64_t next_id = 1;
  const Geometry g(key.shape);
  auto plan = std::make_shared<ConvPlan>();
  plan->id = next_id++;
  plan->key = key;
  plan->x.user = memory::desc(g.x, kF32, user_tag(key.shape.x_block));
  plan->y.user = memory::desc(g.y, kF32, user_tag(key.shape.y_block));
  plan->w.user = memory::desc(g.w, kF32, key.shape.groups > 1 ? Tag::goihw : Tag::oihw);
  plan->fused_epilogue = key.add_residual || key.relu;
  if (key.policy == ConvPolicy::kFast && uses_winograd(key.shape) &&
      build(*plan, g, dnnl::algorithm::convolution_winograd, {Tag::nChw16c, Tag::nChw16c}))
    return plan;
  const auto list = candidates(key);
  for (const Candidate& c : list)
    if (build(*plan, g, dnnl::algorithm::convolution_direct, c) && !is_reference(plan->info)) return plan;
  // Shapes that no fast kernel takes (some groups, tiny extents): any that runs.
  for (const Candidate& c : list)
    if (build(*plan, g, dnnl::algorithm::convolution_direct, c)) return plan;
  const Conv2dShape& s = key.shape;
  throw Error(message("[conv2d] expected a convolution that oneDNN supports, got x [", s.n, ",", s.ic, ",", s.ih, ",", s.iw, "] w [", s.oc,
                      ",", s.ic / s.groups, ",", s.kh, ",", s.kw, "] groups ", s.groups));
}

}  // namespace

dnnl::engine& onednn_engine() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& onednn_stream() {
  static dnnl::stream stream(onednn_engine());
  return stream;
}

std::shared_ptr<const ConvPlan> conv_plan(const ConvPlanKey& key) {
  static std::map<ConvPlanKey, std::shared_ptr<const ConvPlan>> plans;
  auto it = plans.find(key);
  if (it != plans.end()) return it->second;
  // Many more shapes than a network has: somebody sweeps them, and old ones need not be kept.
  if (plans.size() >= kMostPlans) plans.clear();
  return plans[key] = make_plan(key);
}

}  // namespace engram::kernels
