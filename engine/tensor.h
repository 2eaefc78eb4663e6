#pragma once
/// The tensor: a value-semantic handle of extents, element type, device, storage and autograd node.

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "engine/shape.h"
#include "engine/storage.h"
#include "kernels/common/activation.h"
#include "kernels/common/error.h"

namespace engram {

class Node;

/// Physical order of a tensor's elements.
enum class Layout {
  kStrided,  ///< strides over a storage; dense row-major when contiguous
  kBlocked,  ///< 4-D [N,C,H,W] stored dense as [N, C/b, H, W, b]: b = 16 on the CPU, where C is a multiple of 16, and
             ///< b = C (channels-last) on other devices; see channel_block
};

/// Handle to a tensor. Copies share data and graph; `defined()` is false for an empty handle, and then every other
/// member but requires_grad, describe, is_same and impl throws UsageError. Logical order of 4-D activations is always
/// [N,C,H,W].
///
/// Threads: tensors that share data may be read by several threads at a time, also by operations and backward passes;
/// who writes data, changes requires_grad, or lets an operation write in place keeps all other threads away. Gradients
/// of leaves are the exception: grad, set_grad and `backward` may be called from several threads. Each thread has its
/// own grad mode, compute mode, stream, profiler session and number of threads.
class Tensor {
 public:
  Tensor() = default;

  /// Uninitialised memory. Throws ShapeError for a negative extent, a shape that does not fit the layout, or one of
  /// more than kMaxElements; OutOfMemory.
  static Tensor empty(const Shape& shape, DType dtype = DType::kF32, Device device = {},
                      Layout layout = Layout::kStrided);
  /// Every element `value` (f32).
  static Tensor full(const Shape& shape, float value, Device device = {});
  static Tensor zeros(const Shape& shape, Device device = {}) { return full(shape, 0.f, device); }
  static Tensor ones(const Shape& shape, Device device = {}) { return full(shape, 1.f, device); }
  /// A dense copy of host values. Throws ShapeError when counts differ.
  static Tensor from(const std::vector<float>& values, const Shape& shape, Device device = {});
  static Tensor from(const std::vector<std::int32_t>& values, const Shape& shape, Device device = {});
  static Tensor from(const std::vector<std::uint8_t>& values, const Shape& shape, Device device = {});
  /// A scalar (rank 0).
  static Tensor scalar(float value, Device device = {}) { return full({}, value, device); }

  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const;
  int rank() const { return int(shape().size()); }
  /// Extent of an axis; negative axes count from the back.
  dim_t dim(int axis) const;
  dim_t numel() const;
  DType dtype() const;
  Device device() const;
  Layout layout() const;
  /// Strides in elements; only for Layout::kStrided.
  const Shape& strides() const;
  /// Dense row-major (always false for blocked tensors).
  bool is_contiguous() const;
  /// Contiguous or blocked: `numel` elements without gaps from `data()` on.
  bool is_dense() const;
  /// Physical extents of a 4-D dense tensor. Throws ShapeError otherwise.
  kernels::ActivationShape activation() const;

  /// First element. Throws DTypeError when T is not the element type.
  template <class T>
  T* data() const {
    check_dtype(dtype_of<T>());
    return static_cast<T*>(raw_data());
  }
  void* raw_data() const;
  Storage& storage() const;
  /// To call after writing through `data()` into a tensor that others may have saved.
  void bump_version() const { storage().bump_version(); }

  /// The single element of a one-element f32 tensor. Waits for the device.
  float item() const;
  /// All elements in logical row-major order, converted to f32. Waits for the device.
  std::vector<float> to_vector() const;
  /// All elements of an i32 tensor in logical row-major order.
  std::vector<std::int32_t> to_int_vector() const;

  // Autograd.
  bool requires_grad() const;
  /// Makes a leaf ask for gradients, or not. Throws UsageError on a tensor that an operation made.
  Tensor& set_requires_grad(bool on = true);
  bool is_leaf() const;
  /// Accumulated by `backward`; undefined before. Shares storage with the engine. Only leaves have one.
  Tensor grad() const;
  void set_grad(Tensor grad);
  /// The same data without history.
  Tensor detach() const;

  /// Dense row-major form; itself when it is already. Differentiable.
  Tensor contiguous() const;
  /// Channel-blocked form of a 4-D tensor (see Layout::kBlocked); itself when it is already. Differentiable.
  Tensor blocked() const;
  /// A new dense copy with the same layout, without history.
  Tensor clone() const;
  /// The same on another device, itself when it is there; blocked where it was and can be. Differentiable.
  Tensor to(const Device& device) const;

  /// Shape, type and device for messages: "[2,3] f32 cpu".
  std::string describe() const;
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }
  /// True when no other handle or view shares the data, so it may be overwritten.
  bool owns_data_alone() const;

  struct Impl;
  Impl* impl() const { return impl_.get(); }
  const std::shared_ptr<Impl>& impl_ptr() const { return impl_; }
  explicit Tensor(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

  /// A view of the same storage with other extents and strides (elements), no history. For the engine's ops, which see
  /// to it that the view lies within the storage. Throws ShapeError for too many axes or elements.
  Tensor alias(const Shape& shape, const Shape& strides, dim_t offset) const;

 private:
  template <class T>
  static constexpr DType dtype_of() {
    if constexpr (std::is_same_v<T, float>) return DType::kF32;
    if constexpr (std::is_same_v<T, std::int32_t>) return DType::kI32;
    if constexpr (std::is_same_v<T, std::uint8_t>) return DType::kU8;
    if constexpr (std::is_same_v<T, std::uint16_t>) return DType::kBF16;
  }
  void check_dtype(DType wanted) const;
  /// What the handle points to. Throws UsageError for an empty handle.
  Impl& checked() const;

  std::shared_ptr<Impl> impl_;
};

/// What a handle points to. Used by the engine only.
struct Tensor::Impl {
  Shape shape;
  Shape strides;
  dim_t offset = 0;
  DType dtype = DType::kF32;
  Layout layout = Layout::kStrided;
  std::shared_ptr<Storage> storage;

  bool requires_grad = false;
  std::shared_ptr<Node> node;  ///< the operation that made it; null for leaves
  int output_index = 0;        ///< which output of that operation
  std::shared_ptr<Impl> grad;  ///< accumulated gradient of a leaf
};

/// Adds to the gradient of a leaf; threads that do so wait for each other.
void accumulate_grad(Tensor::Impl& leaf, const Tensor& gradient);

/// Throws DeviceError, naming `op`, unless the defined ones among the tensors are on one device.
void check_one_device(const char* op, std::initializer_list<Tensor> tensors);

}  // namespace engram
