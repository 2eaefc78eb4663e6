#include <omp.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/conv2d/conv2d_plan.h"

namespace engram::kernels {
namespace {

using dnnl::memory;

/// Memory that grows to the largest request and is shared by all plans, as convolutions run one after the other.
class Scratch {
 public:
  ~Scratch() { std::free(data_); }
  void* reserve(std::size_t bytes) {
    if (bytes > bytes_) {
      std::free(data_);
      data_ = nullptr;
      bytes_ = 0;
      if (posix_memalign(&data_, 4096, bytes) != 0) throw OutOfMemory(message("[conv2d] expected ", bytes, " bytes of scratch memory, got none"));
      bytes_ = bytes;
    }
    return data_;
  }
  std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

struct Scratches {
  Scratch library, x, y, w;
};

/// oneDNN streams and the scratch memory are shared: one convolution at a time.
std::mutex execution_mutex;

Scratches& scratches() {
  static Scratches all;
  return all;
}

memory wrap(const memory::desc& desc, const void* data) { return memory(desc, onednn_engine(), const_cast<void*>(data)); }

void reorder(memory from, memory to) {
  dnnl::reorder(from, to).execute(onednn_stream(), from, to);
}

/// The operand in the layout that the primitive wants, filled when it is an input.
memory bring(const ConvOperand& operand, const void* data, Scratch& scratch, bool is_input) {
  if (operand.same()) return wrap(operand.user, data);
  memory wanted = wrap(operand.wanted, scratch.reserve(operand.wanted.get_size()));
  if (is_input) reorder(wrap(operand.user, data), wanted);
  return wanted;
}

/// Moves a result out of scratch memory, if it is there.
void deliver(const ConvOperand& operand, const memory& result, void* data) {
  if (!operand.same()) reorder(result, wrap(operand.user, data));
}

struct Pack {
  std::uint64_t version;
  memory packed;
};

}  // namespace

struct WeightPackCache::Impl {
  std::unordered_map<std::uint64_t, Pack> packs;  // by plan
};

WeightPackCache::WeightPackCache() : impl_(std::make_unique<Impl>()) {}
WeightPackCache::~WeightPackCache() = default;

namespace {

constexpr std::size_t kMostPacks = 64;

memory packed_weight(const ConvPlan& plan, const ConvWeight& weight) {
  if (plan.w.same()) return wrap(plan.w.user, weight.data);
  if (!weight.cache) return bring(plan.w, weight.data, scratches().w, true);
  auto& packs = weight.cache->impl().packs;
  auto it = packs.find(plan.id);
  if (it == packs.end()) {
    if (packs.size() >= kMostPacks) packs.clear();
    it = packs.emplace(plan.id, Pack{weight.version + 1, memory(plan.w.wanted, onednn_engine())}).first;
  }
  if (it->second.version != weight.version) {
    reorder(wrap(plan.w.user, weight.data), it->second.packed);
    it->second.version = weight.version;
  }
  return it->second.packed;
}

ConvPlanKey plan_key(const Conv2dShape& shape, ConvPass pass, ConvPolicy policy) {
  return {.shape = shape, .pass = pass, .policy = policy, .threads = omp_get_max_threads()};
}

void execute(const ConvPlan& plan, std::unordered_map<int, memory> arguments) {
  arguments[DNNL_ARG_SCRATCHPAD] = wrap(plan.scratchpad, scratches().library.reserve(plan.scratchpad.get_size()));
  plan.primitive.execute(onednn_stream(), arguments);
}

ENGRAM_MULTIVERSION void epilogue_range(float* y, const float* residual, bool relu, dim_t count) {
  if (residual)
    for (dim_t i = 0; i < count; ++i) y[i] += residual[i];
  if (relu)
    for (dim_t i = 0; i < count; ++i) y[i] = y[i] > 0 ? y[i] : 0;
}

/// Sum and ReLU outside the primitive, for results that pass through a reorder.
void separate_epilogue(const Conv2dFpropArgs& args, const float* residual) {
  parallel_chunks(args.shape.n * args.shape.oc * args.shape.oh() * args.shape.ow(), 1 << 15, [&](dim_t begin, dim_t end, dim_t) {
    epilogue_range(args.y + begin, residual ? residual + begin : nullptr, args.relu, end - begin);
  });
}

void fprop(Stream, const Conv2dFpropArgs& args) {
  std::lock_guard lock(execution_mutex);
  ConvPlanKey key = plan_key(args.shape, ConvPass::kFprop, args.policy);
  key.bias = args.bias != nullptr;
  const bool in_primitive = args.shape.y_block != 1 && args.shape.groups == 1;
  key.add_residual = args.residual && in_primitive;
  key.relu = args.relu && in_primitive;
  const auto plan = conv_plan(key);
  const std::size_t y_bytes = plan->y.user.get_size();
  std::vector<float> kept;  // the residual, if the result overwrites it before the separate epilogue
  const float* residual = args.residual;
  if (args.residual && in_primitive && args.residual != args.y) std::memcpy(args.y, args.residual, y_bytes);
  if (args.residual && !in_primitive && args.residual == args.y) {
    kept.assign(args.residual, args.residual + y_bytes / sizeof(float));
    residual = kept.data();
  }
  const memory x = bring(plan->x, args.x, scratches().x, true);
  const memory w = packed_weight(*plan, args.weight);
  const memory y = bring(plan->y, args.y, scratches().y, false);
  std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}};
  if (args.bias) arguments[DNNL_ARG_BIAS] = wrap(plan->bias, args.bias);
  execute(*plan, std::move(arguments));
  deliver(plan->y, y, args.y);
  onednn_stream().wait();
  if (!in_primitive && (args.residual || args.relu)) separate_epilogue(args, residual);
}

void dgrad(Stream, const Conv2dDgradArgs& args) {
  std::lock_guard lock(execution_mutex);
  const auto plan = conv_plan(plan_key(args.shape, ConvPass::kDgrad, args.policy));
  const memory gy = bring(plan->y, args.gy, scratches().y, true);
  const memory w = packed_weight(*plan, args.weight);
  const memory gx = bring(plan->x, args.gx, scratches().x, false);
  execute(*plan, {{DNNL_ARG_DIFF_DST, gy}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DIFF_SRC, gx}});
  deliver(plan->x, gx, args.gx);
  onednn_stream().wait();
}

void wgrad(Stream, const Conv2dWgradArgs& args) {
  std::lock_guard lock(execution_mutex);
  ConvPlanKey key = plan_key(args.shape, ConvPass::kWgrad, args.policy);
  key.bias = args.gbias != nullptr;
  const auto plan = conv_plan(key);
  const memory x = bring(plan->x, args.x, scratches().x, true);
  const memory gy = bring(plan->y, args.gy, scratches().y, true);
  const memory gw = bring(plan->w, args.gw, scratches().w, false);
  std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_DST, gy}, {DNNL_ARG_DIFF_WEIGHTS, gw}};
  if (args.gbias) arguments[DNNL_ARG_DIFF_BIAS] = wrap(plan->bias, args.gbias);
  execute(*plan, std::move(arguments));
  deliver(plan->w, gw, args.gw);
  onednn_stream().wait();
}

}  // namespace

bool uses_winograd(const Conv2dShape& s) {
  return s.kh == 3 && s.kw == 3 && s.stride_h == 1 && s.stride_w == 1 && s.pad_h == 1 && s.pad_w == 1 && s.groups == 1 &&
         s.x_block == 16 && s.y_block == 16 && s.ic >= 32 && s.oc >= 32 && s.ih >= 4 && s.iw >= 4;
}

std::string conv2d_plan_info(const Conv2dShape& shape, ConvPass pass, ConvPolicy policy) {
  std::lock_guard lock(execution_mutex);
  return conv_plan(plan_key(shape, pass, policy))->info;
}

std::int64_t conv2d_scratch_bytes() {
  std::lock_guard lock(execution_mutex);
  const Scratches& all = scratches();
  return std::int64_t(all.library.bytes() + all.x.bytes() + all.y.bytes() + all.w.bytes());
}

Cost conv2d_cost(const Conv2dShape& s, ConvPass pass) {
  const dim_t x = 4 * s.n * s.ic * s.ih * s.iw, y = 4 * s.n * s.oc * s.oh() * s.ow(), w = 4 * s.oc * (s.ic / s.groups) * s.kh * s.kw;
  const dim_t flops = 2 * s.n * s.oc * s.oh() * s.ow() * (s.ic / s.groups) * s.kh * s.kw;
  const dim_t total = x + y + w, result = pass == ConvPass::kFprop ? y : pass == ConvPass::kDgrad ? x : w;
  return {total - result, result, flops};
}

const Conv2dKernels kCpuConv2d = {fprop, dgrad, wgrad};

}  // namespace engram::kernels
