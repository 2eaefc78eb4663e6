#include <cstring>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <utility>
#include <vector>

#include "kernels/backend_info.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "kernels/conv2d/block_halves.h"
#include "kernels/conv2d/conv2d_plan.h"
#include "kernels/conv2d/mirror_weights.h"
#include "kernels/conv2d/weight_pack_cache.h"
#include "kernels/reorder/reorder.h"

namespace engram::kernels {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;
using Tag = memory::format_tag;
constexpr algorithm kMethod = algorithm::convolution_direct;

// Never destroyed: plans in static storage outlive any order of destruction.
const dnnl::engine& the_engine() {
  static const auto* engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}
/// The calling thread's.
const dnnl::stream& the_stream() {
  static thread_local const dnnl::stream stream(the_engine());
  return stream;
}

/// A number for each packed format, the same for equal descriptions.
int format_number(const memory::desc& desc) {
  static std::mutex mutex;
  static auto& known = *new std::vector<memory::desc>;
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < known.size(); ++i)
    if (known[i] == desc) return int(i);
  known.push_back(desc);
  return int(known.size()) - 1;
}

memory::desc describe(const memory::dims& dims, Tag tag) {
  return memory::desc(dims, memory::data_type::f32, tag);
}

/// What a primitive works in. Blocks of 8 are what the library has direct kernels for where there is no AVX-512.
enum class Layout { kPlanar, kBlock8, kBlock16 };

const char* layout_name(Layout layout) {
  return layout == Layout::kPlanar ? "nchw" : layout == Layout::kBlock8 ? "nChw8c" : "nChw16c";
}

/// The caller's layout.
Layout layout_of(const ActivationShape& s) {
  return s.block == 1 ? Layout::kPlanar : Layout::kBlock16;
}

memory::desc activation_desc(const ActivationShape& s, Layout layout) {
  constexpr Tag kTags[] = {Tag::nchw, Tag::nChw8c, Tag::nChw16c};
  return describe({s.n, s.c, s.h, s.w}, kTags[int(layout)]);
}

memory::dims weight_dims(const Conv2dShape& s) {
  if (s.groups == 1) return {s.oc, s.ic, s.kh, s.kw};
  return {s.groups, s.oc / s.groups, s.ic / s.groups, s.kh, s.kw};
}

bool is_slow(const std::string& implementation) {
  return implementation.rfind("ref", 0) == 0 || implementation.rfind("gemm:ref", 0) == 0;
}

/// One way to compute a pass.
struct Candidate {
  Layout x, y;            ///< that the primitive works in
  bool mirrored = false;  ///< compute the mirror image (see mirror_weights.h): x is then the layout of the caller's y
};

/// The candidate in blocks of 8 instead of 16.
Candidate with_halved_blocks(Candidate c) {
  for (Layout* layout : {&c.x, &c.y})
    if (*layout == Layout::kBlock16) *layout = Layout::kBlock8;
  return c;
}

/// In the order of preference: the first that has a fast implementation is taken. Depends on the key alone.
std::vector<Candidate> candidates(const ConvPlanKey& key) {
  const Conv2dShape& s = key.shape;
  const Candidate blocked = {.x = Layout::kBlock16, .y = Layout::kBlock16},
                  planar = {.x = Layout::kPlanar, .y = Layout::kPlanar};
  if (s.groups > 1) {
    const bool whole_blocks = s.ic / s.groups % kCpuChannelBlock == 0 && s.oc / s.groups % kCpuChannelBlock == 0;
    const bool depthwise = s.groups == s.ic && s.groups == s.oc && s.groups % kCpuChannelBlock == 0;
    if (whole_blocks || depthwise) return {blocked, with_halved_blocks(blocked), planar};
    return {planar};
  }
  constexpr dim_t kFewChannels = 4;
  std::vector<Candidate> list;
  // The library reads planar images of few channels as they are, as the input of a forward pass or a weight gradient.
  if (s.x_block == 1 && s.ic <= kFewChannels && key.pass != ConvPass::kDgrad)
    list.push_back({.x = Layout::kPlanar, .y = Layout::kBlock16});
  if (s.y_block == 1 && s.oc <= kFewChannels && s.ic > kFewChannels && key.pass != ConvPass::kFprop && has_mirror(s) &&
      !key.bias)
    list.push_back({.x = Layout::kPlanar, .y = Layout::kBlock16, .mirrored = true});
  list.push_back(blocked);
  for (std::size_t i = 0, count = list.size(); i < count; ++i) list.push_back(with_halved_blocks(list[i]));
  list.push_back(planar);
  return list;
}

/// Parallel copy of whole tensors.
void copy_values(const float* src, float* dst, dim_t count) {
  parallel_chunks(count, 65536, [&](dim_t begin, dim_t end, dim_t) {
    std::memcpy(dst + begin, src + begin, std::size_t(end - begin) * sizeof(float));
  });
}

/// Points `m` at `data`. Only when it moved: setting a handle clears padding lanes.
void point_at(memory& m, const void* data) {
  if (m.get_data_handle() != data) m.set_data_handle(const_cast<void*>(data));
}

/// A convolution by one of the library's primitives.
struct LibraryPlan final : ConvPlan {
  ConvPlanKey key;
  Candidate chosen = {};
  /// What the primitive computes: the shape and pass of the key or of its mirror image.
  Conv2dShape shape;
  ConvPass pass;
  std::string implementation;
  dnnl::primitive convolution;
  memory x, y, w, bias, scratchpad;
  /// Between plain weights and the form the convolution reads or writes; empty when they are the same.
  dnnl::primitive reorder;
  memory plain_w;
  int weight_format = -1;
  std::size_t scratchpad_bytes = 0;
  /// Of the copies in the workspace: x, y, packed weights, mirrored plain weights.
  std::size_t x_bytes = 0, y_bytes = 0, w_bytes = 0, mirror_bytes = 0;

  explicit LibraryPlan(const ConvPlanKey& k) : key(k) {}

  /// Whether one of the candidates was built. `found` names what the library offered last.
  bool build(bool accept_slow, std::string* found) {
    for (const Candidate& candidate : candidates(key))
      if (try_build(candidate, accept_slow, found)) return true;
    return false;
  }

  /// Creates the primitive of a candidate; false when there is none or (unless `accept_slow`) only a slow one.
  bool try_build(const Candidate& c, bool accept_slow, std::string* found) {
    shape = c.mirrored ? mirrored(key.shape) : key.shape;
    pass = c.mirrored && key.pass == ConvPass::kDgrad ? ConvPass::kFprop : key.pass;
    const Conv2dShape& s = shape;
    const memory::desc xd = activation_desc(s.x(), c.x), yd = activation_desc(s.y(), c.y);
    const memory::desc wd = describe(weight_dims(s), Tag::any);
    const memory::desc bd = key.bias ? describe({s.oc}, Tag::a) : memory::desc();
    const memory::dims strides = {s.stride_h, s.stride_w}, pad_begin = {s.pad_h, s.pad_w};
    // The end padding that the last window really needs, negative when the input is not read to its end.
    const memory::dims pad_end = {(s.oh() - 1) * s.stride_h + s.kh - s.ih - s.pad_h,
                                  (s.ow() - 1) * s.stride_w + s.kw - s.iw - s.pad_w};

    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    dnnl::post_ops post;
    if (key.residual) post.append_sum(1.f);
    if (key.relu) post.append_eltwise(1.f, algorithm::eltwise_relu, 0.f, 0.f);
    attributes.set_post_ops(post);

    const auto finish = [&](const auto& pd, const memory::desc& weights) {
      if (!pd) return false;
      *found = pd.impl_info_str();
      if (!accept_slow && is_slow(*found)) return false;
      adopt(c, *found, xd, yd, weights, pd.scratchpad_desc());
      return true;
    };
    try {
      using Forward = dnnl::convolution_forward;
      if (pass == ConvPass::kFprop) {
        const Forward::primitive_desc pd(
            {prop_kind::forward_training, kMethod, xd, wd, bd, yd, strides, pad_begin, pad_end}, attributes,
            the_engine(), true);
        if (!finish(pd, pd ? pd.weights_desc() : wd)) return false;
        convolution = Forward(pd);
        build_weight_reorder(pd.weights_desc(), true);
        return true;
      }
      // Backward primitives ask for a forward one as a hint.
      Forward::primitive_desc hint({prop_kind::forward_training, kMethod, xd, wd, yd, strides, pad_begin, pad_end},
                                   the_engine(), true);
      if (!hint) return false;
      if (pass == ConvPass::kDgrad) {
        using Backward = dnnl::convolution_backward_data;
        const Backward::primitive_desc pd({kMethod, xd, wd, yd, strides, pad_begin, pad_end}, attributes, the_engine(),
                                          hint, true);
        if (!finish(pd, pd ? pd.weights_desc() : wd)) return false;
        convolution = Backward(pd);
        build_weight_reorder(pd.weights_desc(), true);
        return true;
      }
      using Backward = dnnl::convolution_backward_weights;
      const Backward::primitive_desc pd({kMethod, xd, wd, bd, yd, strides, pad_begin, pad_end}, attributes,
                                        the_engine(), hint, true);
      if (!finish(pd, pd ? pd.diff_weights_desc() : wd)) return false;
      convolution = Backward(pd);
      build_weight_reorder(pd.diff_weights_desc(), false);
      return true;
    } catch (const dnnl::error& error) {
      *found = error.what();
      return false;
    }
  }

  void adopt(const Candidate& c, const std::string& name, const memory::desc& xd, const memory::desc& yd,
             const memory::desc& wd, const memory::desc& scratch) {
    const dnnl::engine& engine = the_engine();
    chosen = c;
    implementation = name;
    x = memory(xd, engine, nullptr);
    y = memory(yd, engine, nullptr);
    w = memory(wd, engine, nullptr);
    scratchpad = memory(scratch, engine, nullptr);
    if (key.bias) bias = memory(describe({shape.oc}, Tag::a), engine, nullptr);
    x_bytes = c.x == layout_of(shape.x()) ? 0 : xd.get_size();
    y_bytes = c.y == layout_of(shape.y()) ? 0 : yd.get_size();
    mirror_bytes = c.mirrored ? std::size_t(shape.weight_count()) * sizeof(float) : 0;
    scratchpad_bytes = scratch.get_size();
  }

  void build_weight_reorder(const memory::desc& wd, bool pack) {
    const memory::desc plain = describe(weight_dims(shape), shape.groups == 1 ? Tag::oihw : Tag::goihw);
    reorder = {};
    w_bytes = 0;
    if (plain == wd) return;
    const dnnl::engine& engine = the_engine();
    plain_w = memory(plain, engine, nullptr);
    w_bytes = wd.get_size();
    weight_format = 2 * format_number(wd) + chosen.mirrored;
    reorder = dnnl::reorder(dnnl::reorder::primitive_desc(engine, pack ? plain : wd, engine, pack ? wd : plain));
  }

  static std::size_t rounded(std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

  /// Weights in the form that the primitive reads, made in `scratch`, or those of the cache, which `kept` holds.
  const void* packed_weights(const ConvWeight& weight, char* scratch, char* mirror, WeightPackCache::Packed& kept) {
    if (!reorder || !weight.cache) return pack_weights(weight, scratch, mirror);
    kept = weight.cache->find(weight.data, weight_format, w_bytes, weight.version,
                              [&](char* target) { pack_weights(weight, target, mirror); });
    return kept->data();
  }

  const void* pack_weights(const ConvWeight& weight, char* target, char* mirror) {
    const void* plain = weight.data;
    if (chosen.mirrored) {
      mirror_weights(weight.data, key.shape.oc, key.shape.ic, shape.kh * shape.kw, reinterpret_cast<float*>(mirror));
      plain = mirror;
    }
    if (!reorder) return plain;
    point_at(plain_w, plain);
    point_at(w, target);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, plain_w.get()}, {DNNL_ARG_TO, w.get()}};
    execute(reorder, args, 2);
    return target;
  }

  static void execute(const dnnl::primitive& primitive, const dnnl_exec_arg_t* args, int count) {
    const dnnl_status_t status = dnnl_primitive_execute(primitive.get(), the_stream().get(), count, args);
    if (status != dnnl_success) throw Error(message("[conv2d] oneDNN failed with status ", int(status)));
  }

  /// Copies a caller's tensor to or from the layout that the convolution uses.
  static void copy_in(const ActivationShape& s, Layout layout, const float* src, float* dst) {
    if (s.block > 1 && layout == Layout::kBlock8) return halve_blocks(s, src, dst);
    const dim_t block = layout == Layout::kBlock8 ? 8 : kCpuChannelBlock;
    (s.block == 1 ? kCpuReorder.to_blocked : kCpuReorder.to_planar)({}, {src, dst, s.n, s.c, s.h, s.w, block});
  }
  static void copy_out(const ActivationShape& s, Layout layout, const float* src, float* dst) {
    if (s.block > 1 && layout == Layout::kBlock8) return join_blocks(s, src, dst);
    const dim_t block = layout == Layout::kBlock8 ? 8 : kCpuChannelBlock;
    (s.block == 1 ? kCpuReorder.to_planar : kCpuReorder.to_blocked)({}, {src, dst, s.n, s.c, s.h, s.w, block});
  }

  void run(ConvPointers p, const ConvWeight& weight, char* workspace) override {
    if (chosen.mirrored) std::swap(p.x, p.y);
    char* const x_copy = workspace + rounded(scratchpad_bytes);
    char* const y_copy = x_copy + rounded(x_bytes);
    char* const w_copy = y_copy + rounded(y_bytes);
    char* const mirror = w_copy + rounded(w_bytes);
    if (scratchpad_bytes) point_at(scratchpad, workspace);
    if (key.bias) point_at(bias, p.bias);
    if (pass == ConvPass::kWgrad) {
      float* const plain = chosen.mirrored ? reinterpret_cast<float*>(mirror) : p.gw;
      run_wgrad(p, x_copy, y_copy, reorder ? w_copy : reinterpret_cast<char*>(plain), plain);
      if (chosen.mirrored) mirror_weights(plain, shape.oc, shape.ic, shape.kh * shape.kw, p.gw);
      return;
    }
    WeightPackCache::Packed kept;
    point_at(w, packed_weights(weight, w_copy, mirror, kept));
    if (pass == ConvPass::kFprop)
      run_fprop(p, x_copy, y_copy);
    else
      run_dgrad(p, x_copy, y_copy);
  }

  void run_fprop(const ConvPointers& p, char* x_copy, char* y_copy) {
    const ActivationShape xs = shape.x(), ys = shape.y();
    float* const xp = x_bytes ? reinterpret_cast<float*>(x_copy) : p.x;
    float* const yp = y_bytes ? reinterpret_cast<float*>(y_copy) : p.y;
    point_at(x, xp);
    point_at(y, yp);
    if (x_bytes) copy_in(xs, chosen.x, p.x, xp);
    if (key.residual && y_bytes) copy_in(ys, chosen.y, p.residual, yp);
    if (key.residual && !y_bytes && p.residual != p.y) copy_values(p.residual, p.y, ys.count());
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, x.get()},
                                    {DNNL_ARG_WEIGHTS, w.get()},
                                    {DNNL_ARG_DST, y.get()},
                                    {DNNL_ARG_SCRATCHPAD, scratchpad.get()},
                                    {DNNL_ARG_BIAS, key.bias ? bias.get() : nullptr}};
    execute(convolution, args, key.bias ? 5 : 4);
    if (y_bytes) copy_out(ys, chosen.y, yp, p.y);
  }

  void run_dgrad(const ConvPointers& p, char* x_copy, char* y_copy) {
    float* const xp = x_bytes ? reinterpret_cast<float*>(x_copy) : p.x;
    float* const yp = y_bytes ? reinterpret_cast<float*>(y_copy) : p.y;
    point_at(x, xp);
    point_at(y, yp);
    if (y_bytes) copy_in(shape.y(), chosen.y, p.y, yp);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_DIFF_DST, y.get()},
                                    {DNNL_ARG_WEIGHTS, w.get()},
                                    {DNNL_ARG_DIFF_SRC, x.get()},
                                    {DNNL_ARG_SCRATCHPAD, scratchpad.get()}};
    execute(convolution, args, 4);
    if (x_bytes) copy_out(shape.x(), chosen.x, xp, p.x);
  }

  /// `packed` is what the primitive writes, `plain` the OIHW result; the same when no reorder is needed.
  void run_wgrad(const ConvPointers& p, char* x_copy, char* y_copy, char* packed, float* plain) {
    float* const xp = x_bytes ? reinterpret_cast<float*>(x_copy) : p.x;
    float* const yp = y_bytes ? reinterpret_cast<float*>(y_copy) : p.y;
    point_at(x, xp);
    point_at(y, yp);
    point_at(w, packed);
    if (x_bytes) copy_in(shape.x(), chosen.x, p.x, xp);
    if (y_bytes) copy_in(shape.y(), chosen.y, p.y, yp);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, x.get()},
                                    {DNNL_ARG_DIFF_DST, y.get()},
                                    {DNNL_ARG_DIFF_WEIGHTS, w.get()},
                                    {DNNL_ARG_SCRATCHPAD, scratchpad.get()},
                                    {DNNL_ARG_DIFF_BIAS, key.bias ? bias.get() : nullptr}};
    execute(convolution, args, key.bias ? 5 : 4);
    if (!reorder) return;
    point_at(plain_w, plain);
    const dnnl_exec_arg_t unpack[] = {{DNNL_ARG_FROM, w.get()}, {DNNL_ARG_TO, plain_w.get()}};
    execute(reorder, unpack, 2);
  }

  std::size_t workspace_bytes() const override {
    return rounded(scratchpad_bytes) + rounded(x_bytes) + rounded(y_bytes) + rounded(w_bytes) + rounded(mirror_bytes);
  }

  std::string info() const override {
    return message(implementation, " x=", layout_name(chosen.x), " y=", layout_name(chosen.y),
                   chosen.mirrored ? " mirrored" : "", " scratch=", workspace_bytes());
  }
};

}  // namespace

bool library_takes_blocks() {
  return cpu_backend_info().library_isa.rfind("AVX-512", 0) == 0;
}

namespace {

std::unique_ptr<LibraryPlan> make_plan(const ConvPlanKey& key) {
  auto plan = std::make_unique<LibraryPlan>(key);
  std::string found;
  if (plan->build(false, &found) || plan->build(true, &found)) return plan;
  throw Error(message("[conv2d] oneDNN has no implementation for this shape; last tried: ", found));
}

}  // namespace

std::unique_ptr<ConvPlan> make_library_plan(const ConvPlanKey& key) {
  std::unique_ptr<LibraryPlan> plan = make_plan(key);
  const bool by_products = plan->implementation.find("gemm") != std::string::npos;
  if (by_products && key.pass != ConvPass::kWgrad && key.shape.n > 0) return make_plan_by_images(key, make_plan);
  return plan;
}

}  // namespace engram::kernels
