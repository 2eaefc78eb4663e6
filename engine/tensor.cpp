#include "engine/tensor.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/device_memory.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "kernels/elementwise/elementwise.h"

namespace engram {
namespace {

void check_shape(const Shape& shape, Layout layout, const Device& device) {
  if (int(shape.size()) > kMaxRank)
    throw ShapeError(message("[tensor] expected at most ", kMaxRank, " axes, got ", to_string(shape)));
  for (dim_t extent : shape)
    if (extent < 0) throw ShapeError(message("[tensor] expected extents of at least 0, got ", to_string(shape)));
  if (layout != Layout::kBlocked) return;
  if (shape.size() != 4 || (device.is_cpu() && shape[1] % kCpuChannelBlock != 0))
    throw ShapeError(message("[tensor] expected [N,C,H,W]",
                             device.is_cpu() ? message(" with C a multiple of ", kCpuChannelBlock) : "", ", got ",
                             to_string(shape)));
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
  auto impl = std::make_shared<Impl>();
  impl->shape = shape;
  impl->strides = dense_strides(shape);
  impl->dtype = dtype;
  impl->layout = layout;
  impl->storage = std::make_shared<Storage>(std::size_t(engram::numel(shape)) * dtype_bytes(dtype), device);
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
  if (!impl_) throw UsageError("[tensor] expected a defined tensor, got an empty handle");
  return impl_->shape;
}

dim_t Tensor::dim(int axis) const {
  return shape()[normalize_axis("dim", axis, rank())];
}
dim_t Tensor::numel() const {
  return engram::numel(shape());
}
DType Tensor::dtype() const {
  return impl_->dtype;
}
Device Tensor::device() const {
  return impl_->storage->device();
}
Layout Tensor::layout() const {
  return impl_->layout;
}

const Shape& Tensor::strides() const {
  if (impl_->layout != Layout::kStrided) throw UsageError("[strides] expected a strided tensor, got a blocked one");
  return impl_->strides;
}

bool Tensor::is_contiguous() const {
  if (impl_->layout != Layout::kStrided) return false;
  dim_t stride = 1;
  for (int i = rank() - 1; i >= 0; --i) {
    if (impl_->shape[i] != 1 && impl_->strides[i] != stride) return false;
    stride *= impl_->shape[i];
  }
  return true;
}

bool Tensor::is_dense() const {
  return impl_->layout == Layout::kBlocked || is_contiguous();
}

kernels::ActivationShape Tensor::activation() const {
  if (rank() != 4 || !is_dense())
    throw ShapeError(message("[activation] expected a dense [N,C,H,W] tensor, got ", describe()));
  const Shape& s = shape();
  return {s[0], s[1], s[2], s[3], layout() == Layout::kBlocked ? channel_block(device(), s[1]) : 1};
}

void* Tensor::raw_data() const {
  return static_cast<char*>(impl_->storage->data()) + impl_->offset * dim_t(dtype_bytes(impl_->dtype));
}

Storage& Tensor::storage() const {
  return *impl_->storage;
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
  if (impl_->node)
    throw UsageError("[set_requires_grad] expected a leaf, got the result of an operation; use detach()");
  if (on && dtype() != DType::kF32) throw DTypeError(message("[set_requires_grad] expected f32, got ", describe()));
  impl_->requires_grad = on;
  return *this;
}

bool Tensor::is_leaf() const {
  return !impl_->node;
}
Tensor Tensor::grad() const {
  return Tensor(impl_->grad);
}
void Tensor::set_grad(Tensor grad) {
  impl_->grad = grad.impl_;
}

Tensor Tensor::detach() const {
  auto impl = std::make_shared<Impl>(*impl_);
  impl->requires_grad = false;
  impl->node = nullptr;
  impl->output_index = 0;
  impl->grad = nullptr;
  return Tensor(std::move(impl));
}

Tensor Tensor::alias(const Shape& shape, const Shape& strides, dim_t offset) const {
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
  return impl_.use_count() == 1 && impl_->storage.use_count() == 1;
}

}  // namespace engram
