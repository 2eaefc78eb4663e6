#pragma once
/// One back end: the entry points of every kernel family. The CPU back end is linked in; a CUDA back end is a second
/// value of this struct, with device pointers in the same argument structs. Who calls a family includes its header: the
/// families are only named here, so that a change of one recompiles its own users.

namespace engram::kernels {

struct AttentionMapKernels;
struct BatchNormKernels;
struct BnStatsMatchKernels;
struct ChannelScaleKernels;
struct Conv2dKernels;
struct DepthwiseConvKernels;
struct ElementwiseKernels;
struct FactorDistanceKernels;
struct GradCosineKernels;
struct ImageBatchKernels;
struct ImagePriorKernels;
struct MarginErrorKernels;
struct MatmulKernels;
struct OptimStepKernels;
struct PoolKernels;
struct RandomKernels;
struct ReduceKernels;
struct ReorderKernels;
struct ResampleKernels;
struct ResidualCosineKernels;
struct SoftmaxXentKernels;
struct SpatialKernels;
struct StridedCopyKernels;
struct SurvivalScreenKernels;

struct Backend {
  const char* name;
  const AttentionMapKernels& attention_map;
  const BatchNormKernels& batch_norm;
  const BnStatsMatchKernels& bn_stats_match;
  const ChannelScaleKernels& channel_scale;
  const Conv2dKernels& conv2d;
  const DepthwiseConvKernels& depthwise_conv;
  const ElementwiseKernels& elementwise;
  const FactorDistanceKernels& factor_distance;
  const GradCosineKernels& grad_cosine;
  const ImageBatchKernels& image_batch;
  const ImagePriorKernels& image_prior;
  const MarginErrorKernels& margin_error;
  const MatmulKernels& matmul;
  const OptimStepKernels& optim_step;
  const PoolKernels& pool;
  const RandomKernels& random;
  const ReduceKernels& reduce;
  const ReorderKernels& reorder;
  const ResampleKernels& resample;
  const ResidualCosineKernels& residual_cosine;
  const SoftmaxXentKernels& softmax_xent;
  const SpatialKernels& spatial;
  const StridedCopyKernels& strided_copy;
  const SurvivalScreenKernels& survival_screen;
};

/// The CPU back end.
const Backend& cpu_backend();

}  // namespace engram::kernels
