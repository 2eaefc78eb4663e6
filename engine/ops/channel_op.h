#pragma once
/// What batch_norm and bn_stats_match share. Internal to engine/ops. Threads: as engine/tensor.h says.

#include <cstdint>

#include "engine/tensor.h"
#include "kernels/common/activation_function.h"

namespace engram {

/// x in the layout in which per-channel kernels are fast: blocked where the device can (see can_block_channels), else
/// planar. Differentiable; an undefined tensor stays undefined. Throws DTypeError or ShapeError, naming `op`, unless x
/// is f32 [N,C,H,W].
Tensor channel_layout(const char* op, const Tensor& x);

/// `values` checked to be undefined or f32 [channels] on x's device, dense, without history. Throws ShapeError,
/// DTypeError or DeviceError naming `op` and `what`.
Tensor channel_vector(const char* op, const char* what, const Tensor& values, const Tensor& x);

/// Throws ShapeError or DeviceError, naming `op`, unless the residual is undefined or has x's shape and device.
void check_residual(const char* op, const Tensor& residual, const Tensor& x);

/// A per-channel vector as [1,C,1,1], recorded.
Tensor as_channels(const Tensor& values);

/// Memory for the bits of an activation of x (see kernels::activation_mask_words); undefined when `wanted` is false.
/// Its words are u8 pairs.
Tensor mask_like(const Tensor& x, bool wanted);
std::uint16_t* mask_words(const Tensor& mask);

/// Scratch memory for one kernel call.
Tensor workspace_tensor(std::size_t bytes, Device device);

/// g times the derivative of an activation (1 where the mask bit is set, else 0 for kRelu or `slope`), recorded as a
/// product with a constant; g itself for kNone. The mask belongs to an activation in `layout`.
Tensor through_activation(const Tensor& g, const Tensor& mask, Layout layout, kernels::Activation activation,
                          float slope);

/// The incoming gradients of a fused backward pass, dense in the layout asked for and without history.
struct GradientPair {
  Tensor first, second;
  /// A tensor for a result of the kernel: the memory of an incoming gradient that nobody else holds and that was not
  /// given away yet, or new memory like `first`.
  Tensor reuse();

  bool first_free = false, second_free = false;  ///< nobody else holds it, and it was not given away
};

class BackwardContext;
/// Takes output 0's gradients out of the context. Both are undefined when none came.
GradientPair take_gradients(BackwardContext& context, Layout layout);

}  // namespace engram
