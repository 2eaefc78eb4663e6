#include "engine/tensor.h"

#include <array>
#include <cstddef>
#include <mutex>

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/device_memory.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "kernels/elementwise/elementwise.h"

namespace engram {
namespace {

void check_rank(const Shape& shape) {
  if (shape.size() > std::size_t(kMaxRank))
    throw ShapeError(message("[tensor] expected at most ", kMaxRank, " axes, got ", shape.size()));
}

void check_shape(const Shape& shape, Layout layout, const Device& device) {
  check_rank(shape);
  if (layout != Layout::kBlocked) return;
  if (shape.size() != 4 || (device.is_cpu() && shape[1] % kCpuChannelBlock != 0))
    throw ShapeError(message("[tensor] expected [N,C,H,W]",
                             device.is_cpu() ? message(" with C a multiple of ", kCpuChannelBlock) : "", ", got ",
                             to_string(shape)));
}

/// Guards the gradient of a leaf; leaves share a few.
std::mutex& grad_mutex(const Tensor::Impl& leaf) {
  static std::array<std::mutex, 64> mutexes;
  return mutexes[std::hash<const void*>()(&leaf) / alignof(std::max_align_t) % mutexes.size()];
}

template <class T>
Tensor from_values(const std::vector<T>& values, const Shape& shape, DType dtype, Device device) {
  if (dim_t(values.size()) != numel(shape))
    throw ShapeError(
        message("[tensor] expected ", numel(shape), " values for ", to_string(shape), ", got ", values.size()));
  Tensor tensor = Tensor::empty(shape, dtype, device);
  copy_to_device(device, tensor.raw_data(), values.data(), values.size() * sizeof(T));
  return tensor;
}

}  // namespace

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device, Layout layout) {
  check_shape(shape, layout, device);
  const std::size_t bytes = std::size_t(engram::numel(shape)) * dtype_bytes(dtype);
  auto impl = std::make_shared<Impl>();
  impl->shape = shape;
  impl->strides = dense_strides(shape);
  impl->dtype = dtype;
  impl->layout = layout;
  impl->storage = std::make_shared<Storage>(bytes, device);
  return Tensor(std::move(impl));
}

Tensor Tensor::full(const Shape& shape, float value, Device device) {
  Tensor tensor = empty(shape, DType::kF32, device);
  backend(device).elementwise.fill(current_stream(device), {tensor.data<float>(), tensor.numel(), value});
  return tensor;
}

Tensor Tensor::from(const std::vector<float>& values, const Shape& shape, Device device) {
  return from_values(values, shape, DType::kF32, device);
}
Tensor Tensor::from(const std::vector<std::int32_t>& values, const Shape& shape, Device device) {
  return from_values(values, shape, DType::kI32, device);
}
Tensor Tensor::from(const std::vector<std::uint8_t>& values, const Shape& shape, Device device) {
  return from_values(values, shape, DType::kU8, device);
}

const Shape& Tensor::shape() const {
  return checked().shape;
}

Tensor::Impl& Tensor::checked() const {
  if (!impl_) throw UsageError("[tensor] expected a defined tensor, got an empty handle");
  return *impl_;
}

dim_t Tensor::dim(int axis) const {
  return shape()[normalize_axis("dim", axis, rank())];
}
dim_t Tensor::numel() const {
  return engram::numel(shape());
}
DType Tensor::dtype() const {
  return checked().dtype;
}
Device Tensor::device() const {
  return checked().storage->device();
}
Layout Tensor::layout() const {
  return checked().layout;
}

const Shape& Tensor::strides() const {
  if (checked().layout != Layout::kStrided) throw UsageError("[strides] expected a strided tensor, got a blocked one");
  return impl_->strides;
}

bool Tensor::is_contiguous() const {
  if (checked().layout != Layout::kStrided) return false;
  dim_t stride = 1;
  for (int i = rank() - 1; i >= 0; --i) {
    if (impl_->shape[i] != 1 && impl_->strides[i] != stride) return false;
    stride *= impl_->shape[i];
  }
  return true;
}

bool Tensor::is_dense() const {
  return layout() == Layout::kBlocked || is_contiguous();
}

kernels::ActivationShape Tensor::activation() const {
  if (rank() != 4 || !is_dense())
    throw ShapeError(message("[activation] expected a dense [N,C,H,W] tensor, got ", describe()));
  const Shape& s = shape();
  return {s[0], s[1], s[2], s[3], layout() == Layout::kBlocked ? channel_block(device(), s[1]) : 1};
}

void* Tensor::raw_data() const {
  return static_cast<char*>(checked().storage->data()) + impl_->offset * dim_t(dtype_bytes(impl_->dtype));
}

Storage& Tensor::storage() const {
  return *checked().storage;
}

void Tensor::check_dtype(DType wanted) const {
  if (dtype() != wanted) throw DTypeError(message("[data] expected ", dtype_name(wanted), ", got ", describe()));
}

float Tensor::item() const {
  if (numel() != 1) throw ShapeError(message("[item] expected one element, got ", describe()));
  float value = 0;
  copy_to_host(device(), &value, data<float>(), sizeof value);
  return value;
}

std::vector<float> Tensor::to_vector() const {
  NoGradGuard no_grad;
  const Tensor dense = contiguous();
  std::vector<float> values(std::size_t(dense.numel()));
  if (device().is_cpu()) {
    backend(device()).elementwise.convert(current_stream(device()),
                                          {dense.raw_data(), dtype(), values.data(), DType::kF32, dense.numel()});
  } else {
    const Tensor numbers = convert(dense, DType::kF32);
    copy_to_host(device(), values.data(), numbers.raw_data(), values.size() * sizeof(float));
  }
  return values;
}

std::vector<std::int32_t> Tensor::to_int_vector() const {
  NoGradGuard no_grad;
  const Tensor dense = contiguous();
  std::vector<std::int32_t> values(std::size_t(dense.numel()));
  copy_to_host(device(), values.data(), dense.data<std::int32_t>(), values.size() * sizeof(std::int32_t));
  return values;
}

bool Tensor::requires_grad() const {
  return impl_ && impl_->requires_grad;
}

Tensor& Tensor::set_requires_grad(bool on) {
  if (checked().node)
    throw UsageError("[set_requires_grad] expected a leaf, got the result of an operation; use detach()");
  if (on && dtype() != DType::kF32) throw DTypeError(message("[set_requires_grad] expected f32, got ", describe()));
  impl_->requires_grad = on;
  return *this;
}

bool Tensor::is_leaf() const {
  return !checked().node;
}
Tensor Tensor::grad() const {
  const Impl& impl = checked();
  const std::lock_guard lock(grad_mutex(impl));
  return Tensor(impl.grad);
}
void Tensor::set_grad(Tensor grad) {
  Impl& impl = checked();
  if (grad.defined() && grad.shape() != impl.shape)
    throw ShapeError(
        message("[set_grad] expected a gradient of shape ", to_string(impl.shape), ", got ", grad.describe()));
  if (grad.defined()) check_one_device("set_grad", {*this, grad});
  const std::lock_guard lock(grad_mutex(impl));
  impl.grad.swap(grad.impl_);
}

void accumulate_grad(Tensor::Impl& leaf, const Tensor& gradient) {
  const std::lock_guard lock(grad_mutex(leaf));
  leaf.grad = leaf.grad ? add(Tensor(leaf.grad), gradient).impl_ptr() : gradient.impl_ptr();
}

Tensor Tensor::detach() const {
  const Impl& from = checked();
  auto impl = std::make_shared<Impl>();
  impl->shape = from.shape;
  impl->strides = from.strides;
  impl->offset = from.offset;
  impl->dtype = from.dtype;
  impl->layout = from.layout;
  impl->storage = from.storage;
  return Tensor(std::move(impl));
}

Tensor Tensor::alias(const Shape& shape, const Shape& strides, dim_t offset) const {
  check_rank(shape);
  engram::numel(shape);  // refuses what is too large
  Tensor view = detach();
  view.impl_->shape = shape;
  view.impl_->strides = strides;
  view.impl_->offset = offset;
  return view;
}

Tensor Tensor::contiguous() const {
  return is_contiguous() ? *this : to_contiguous(*this);
}
Tensor Tensor::blocked() const {
  return layout() == Layout::kBlocked ? *this : to_blocked(*this);
}

Tensor Tensor::clone() const {
  NoGradGuard no_grad;
  const Tensor source = is_dense() ? *this : contiguous();
  Tensor copy = empty(shape(), dtype(), device(), source.layout());
  copy_on_device(device(), copy.raw_data(), source.raw_data(), std::size_t(numel()) * dtype_bytes(dtype()));
  return copy;
}

Tensor Tensor::to(const Device& target) const {
  return device() == target ? *this : to_device(*this, target);
}

std::string Tensor::describe() const {
  if (!impl_) return "an empty tensor";
  return message(to_string(shape()), " ", dtype_name(dtype()), " ", to_string(device()));
}

void check_one_device(const char* op, std::initializer_list<Tensor> tensors) {
  const Tensor* first = nullptr;
  for (const Tensor& tensor : tensors) {
    if (!tensor.defined()) continue;
    if (!first) first = &tensor;
    if (!(tensor.device() == first->device()))
      throw DeviceError(message("[", op, "] expected one device, got ", first->describe(), " and ", tensor.describe()));
  }
}

bool Tensor::owns_data_alone() const {
  return checked().storage.use_count() == 1 && impl_.use_count() == 1;
}

}  // namespace engram
