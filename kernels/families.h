#pragma once
/// The kernel families of a back end's table, once: X(family, Family) for kernels/family/family.h with `FamilyKernels`.
/// The table (kernels/backend.h), its values on each back end, the cases and their staging are made of this list.

/// Families whose CUDA kernels are written by hand, so that they run on the emulator too.
#define ENGRAM_HAND_WRITTEN_FAMILIES(X) \
  X(attention_map, AttentionMap)        \
  X(batch_norm, BatchNorm)              \
  X(bn_stats_match, BnStatsMatch)       \
  X(channel_scale, ChannelScale)        \
  X(depthwise_conv, DepthwiseConv)      \
  X(elementwise, Elementwise)           \
  X(factor_distance, FactorDistance)    \
  X(grad_cosine, GradCosine)            \
  X(image_batch, ImageBatch)            \
  X(image_prior, ImagePrior)            \
  X(margin_error, MarginError)          \
  X(noise_contrast, NoiseContrast)      \
  X(optim_step, OptimStep)              \
  X(pool, Pool)                         \
  X(random, Random)                     \
  X(reduce, Reduce)                     \
  X(reorder, Reorder)                   \
  X(residual_cosine, ResidualCosine)    \
  X(resample, Resample)                 \
  X(softmax_xent, SoftmaxXent)          \
  X(spatial, Spatial)                   \
  X(strided_copy, StridedCopy)          \
  X(survival_screen, SurvivalScreen)

/// Families whose CUDA back end is a library (cuDNN, cuBLAS).
#define ENGRAM_LIBRARY_FAMILIES(X) \
  X(conv2d, Conv2d)                \
  X(matmul, Matmul)

#define ENGRAM_KERNEL_FAMILIES(X) \
  ENGRAM_HAND_WRITTEN_FAMILIES(X) \
  ENGRAM_LIBRARY_FAMILIES(X)
