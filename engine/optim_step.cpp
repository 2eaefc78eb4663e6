#include "engine/optim_step.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/ops/elementwise.h"
#include "engine/profiler.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/optim_step/optim_step.h"

namespace engram {
namespace {

void check_lists(const char* op, std::size_t params, std::size_t others) {
  if (params != others)
    throw ShapeError(message("[", op, "] expected lists of equal length, got ", params, " and ", others));
}

void check_param(const char* op, const Tensor& param, const Tensor& other) {
  if (!param.defined() || param.dtype() != DType::kF32 || !param.is_dense())
    throw UsageError(message("[", op, "] expected a dense f32 parameter, got ",
                             param.defined() ? param.describe() : "an empty handle"));
  check_one_device(op, {param, other});
  if (param.shape() != other.shape() || other.dtype() != DType::kF32)
    throw ShapeError(message("[", op, "] expected a gradient or value like its parameter ", param.describe(), ", got ",
                             other.describe()));
}

/// Of the defined tensors; the CPU when there is none. Throws DeviceError when they differ.
Device device_of(const char* op, const std::vector<Tensor>& tensors) {
  const Tensor* first = nullptr;
  for (const Tensor& t : tensors) {
    if (!t.defined()) continue;
    if (!first) first = &t;
    check_one_device(op, {*first, t});
  }
  return first ? first->device() : Device{};
}

/// Throws ShapeError unless a parameter's state is like the parameter, to the layout, as the kernels go through both at
/// once.
void check_state(const char* op, const Tensor& param, const Tensor& state) {
  check_one_device(op, {param, state});
  if (state.shape() != param.shape() || state.dtype() != DType::kF32 || state.layout() != param.layout() ||
      !state.is_dense())
    throw ShapeError(
        message("[", op, "] expected state like its parameter ", param.describe(), ", got ", state.describe()));
}

/// Throws ShapeError unless x is undefined or one f32 on the device.
void check_scalar(const char* op, const char* what, const Tensor& x, const Device& device) {
  if (!x.defined()) return;
  if (x.numel() != 1 || x.dtype() != DType::kF32)
    throw ShapeError(message("[", op, "] expected ", what, " of one f32, got ", x.describe()));
  if (!(x.device() == device))
    throw DeviceError(message("[", op, "] expected ", what, " on ", to_string(device), ", got ", x.describe()));
}

/// `x` dense in the layout of `param`.
Tensor in_layout_of(const Tensor& param, const Tensor& x) {
  return param.layout() == Layout::kBlocked ? x.blocked() : x.contiguous();
}

Tensor zeros_like(const Tensor& param) {
  Tensor out = Tensor::empty(param.shape(), DType::kF32, param.device(), param.layout());
  backend(param.device()).elementwise.fill(current_stream(param.device()), {out.data<float>(), out.numel(), 0.f});
  return out;
}

/// An i32 [1] that holds 0.
Tensor zero_count(Device device) {
  return convert(Tensor::zeros({1}, device), DType::kI32);
}

/// A learning rate where kernels of a device read it. The CPU's read it in place.
class LearningRate {
 public:
  LearningRate(const float& value, const Tensor& given, const Device& device)
      : on_device_(given.defined() || device.is_cpu() ? given : Tensor::scalar(value, device)),
        data_(on_device_.defined() ? on_device_.data<float>() : &value) {}
  const float* data() const { return data_; }

 private:
  const Tensor on_device_;
  const float* const data_;
};

const float* scalar_or_null(const Tensor& x) {
  return x.defined() ? x.data<float>() : nullptr;
}

}  // namespace

void sgd_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads, std::vector<Tensor>& momentum,
              const SgdOptions& options, const Tensor& grad_scale) {
  check_lists("sgd_step", params.size(), grads.size());
  const NoGradGuard no_grad;
  const Device device = device_of("sgd_step", params);
  check_scalar("sgd_step", "a learning rate", options.device_lr, device);
  check_scalar("sgd_step", "a gradient scale", grad_scale, device);
  momentum.resize(params.size());
  std::vector<kernels::SgdTensor> tensors;
  std::vector<Tensor> kept;  // converted gradients live until the kernel has run
  dim_t total = 0;
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!grads[i].defined()) continue;
    check_param("sgd_step", params[i], grads[i]);
    kept.push_back(in_layout_of(params[i], grads[i]));
    const bool first_step = options.momentum != 0 && !momentum[i].defined();
    if (options.momentum != 0 && momentum[i].defined()) check_state("sgd_step", params[i], momentum[i]);
    if (first_step) momentum[i] = Tensor::empty(params[i].shape(), DType::kF32, params[i].device(), params[i].layout());
    tensors.push_back({.param = params[i].data<float>(),
                       .grad = kept.back().data<float>(),
                       .momentum = options.momentum != 0 ? momentum[i].data<float>() : nullptr,
                       .count = params[i].numel(),
                       .first_step = first_step});
    total += params[i].numel();
  }
  const LearningRate lr(options.lr, options.device_lr, device);
  OpScope scope("sgd_step", kernels::sgd_cost(total, options.momentum != 0));
  backend(device).optim_step.sgd(current_stream(device), {.tensors = tensors.data(),
                                                          .num_tensors = int(tensors.size()),
                                                          .lr = lr.data(),
                                                          .momentum = options.momentum,
                                                          .weight_decay = options.weight_decay,
                                                          .nesterov = options.nesterov,
                                                          .grad_scale = scalar_or_null(grad_scale)});
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!grads[i].defined()) continue;
    params[i].bump_version();
    if (momentum[i].defined()) momentum[i].bump_version();
  }
}

void adam_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads, std::vector<AdamState>& state,
               const AdamOptions& options, const Tensor& grad_scale) {
  check_lists("adam_step", params.size(), grads.size());
  const NoGradGuard no_grad;
  const Device device = device_of("adam_step", params);
  check_scalar("adam_step", "a learning rate", options.device_lr, device);
  check_scalar("adam_step", "a gradient scale", grad_scale, device);
  state.resize(params.size());
  std::vector<kernels::AdamTensor> tensors;
  std::vector<Tensor> kept;
  dim_t total = 0;
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!grads[i].defined()) continue;
    check_param("adam_step", params[i], grads[i]);
    kept.push_back(in_layout_of(params[i], grads[i]));
    AdamState& s = state[i];
    if (!s.m.defined()) s.m = zeros_like(params[i]);
    if (!s.v.defined()) s.v = zeros_like(params[i]);
    if (!s.step.defined()) s.step = zero_count(params[i].device());
    check_state("adam_step", params[i], s.m);
    check_state("adam_step", params[i], s.v);
    check_one_device("adam_step", {params[i], s.step});
    if (s.step.numel() != 1 || s.step.dtype() != DType::kI32)
      throw ShapeError(message("[adam_step] expected a step count i32 [1], got ", s.step.describe()));
    tensors.push_back({.param = params[i].data<float>(),
                       .grad = kept.back().data<float>(),
                       .m = s.m.data<float>(),
                       .v = s.v.data<float>(),
                       .count = params[i].numel(),
                       .step = s.step.data<std::int32_t>()});
    total += params[i].numel();
  }
  const LearningRate lr(options.lr, options.device_lr, device);
  OpScope scope("adam_step", kernels::adam_cost(total));
  backend(device).optim_step.adam(current_stream(device), {.tensors = tensors.data(),
                                                           .num_tensors = int(tensors.size()),
                                                           .lr = lr.data(),
                                                           .beta1 = options.beta1,
                                                           .beta2 = options.beta2,
                                                           .eps = options.eps,
                                                           .weight_decay = options.weight_decay,
                                                           .decoupled_decay = options.decoupled_decay,
                                                           .grad_scale = scalar_or_null(grad_scale)});
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!grads[i].defined()) continue;
    params[i].bump_version();
    state[i].m.bump_version();
    state[i].v.bump_version();
    state[i].step.bump_version();
  }
}

void ema_step(const std::vector<Tensor>& averages, const std::vector<Tensor>& values, double decay) {
  check_lists("ema_step", averages.size(), values.size());
  const NoGradGuard no_grad;
  std::vector<kernels::EmaTensor> tensors;
  std::vector<Tensor> kept;
  dim_t total = 0;
  for (std::size_t i = 0; i < averages.size(); ++i) {
    check_param("ema_step", averages[i], values[i]);
    kept.push_back(in_layout_of(averages[i], values[i]));
    tensors.push_back({averages[i].data<float>(), kept.back().data<float>(), averages[i].numel()});
    total += averages[i].numel();
  }
  const Device device = device_of("ema_step", averages);
  OpScope scope("ema_step", kernels::ema_cost(total));
  backend(device).optim_step.ema(current_stream(device), {tensors.data(), int(tensors.size()), decay});
  for (const Tensor& average : averages) average.bump_version();
}

void keep_best_step(const std::vector<Tensor>& kept, const std::vector<Tensor>& values, const Tensor& loss,
                    const Tensor& best) {
  check_lists("keep_best_step", kept.size(), values.size());
  const Device device = device_of("keep_best_step", kept);
  check_scalar("keep_best_step", "a loss", loss, device);
  check_scalar("keep_best_step", "a best loss", best, device);
  if (!loss.defined() || !best.defined())
    throw UsageError("[keep_best_step] expected a loss and the best one, got an empty handle");
  const NoGradGuard no_grad;
  std::vector<kernels::EmaTensor> tensors;
  std::vector<Tensor> dense;
  dim_t total = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    check_param("keep_best_step", kept[i], values[i]);
    dense.push_back(in_layout_of(kept[i], values[i]));
    tensors.push_back({kept[i].data<float>(), dense.back().data<float>(), kept[i].numel()});
    total += kept[i].numel();
  }
  OpScope scope("keep_best_step", kernels::keep_best_cost(total));
  backend(loss.device())
      .optim_step.keep_best(current_stream(loss.device()),
                            {tensors.data(), int(tensors.size()), loss.data<float>(), best.data<float>()});
  for (const Tensor& tensor : kept) tensor.bump_version();
  best.bump_version();
}

GradNorm grad_norm(const std::vector<Tensor>& grads, float max_norm) {
  const NoGradGuard no_grad;
  std::vector<kernels::GradTensor> tensors;
  std::vector<Tensor> kept;
  dim_t total = 0;
  for (const Tensor& g : grads) {
    if (!g.defined()) continue;
    if (g.dtype() != DType::kF32) throw DTypeError(message("[grad_norm] expected f32, got ", g.describe()));
    kept.push_back(g.is_dense() ? g : g.contiguous());
    tensors.push_back({kept.back().data<float>(), g.numel()});
    total += g.numel();
  }
  const Device device = device_of("grad_norm", grads);
  GradNorm out = {Tensor::empty({}, DType::kF32, device), Tensor::empty({}, DType::kF32, device)};
  const std::size_t bytes = backend(device).optim_step.grad_norm_workspace_bytes(tensors.data(), int(tensors.size()));
  const Tensor workspace = Tensor::empty({dim_t(bytes)}, DType::kU8, device);
  OpScope scope("grad_norm", kernels::grad_norm_cost(total));
  backend(device).optim_step.grad_norm(current_stream(device), {.tensors = tensors.data(),
                                                                .num_tensors = int(tensors.size()),
                                                                .max_norm = max_norm,
                                                                .workspace = static_cast<double*>(workspace.raw_data()),
                                                                .norm = out.norm.data<float>(),
                                                                .factor = out.factor.data<float>()});
  return out;
}

}  // namespace engram
