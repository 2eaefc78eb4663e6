#pragma once
/// One back end: the entry points of every kernel family. The CPU back end is linked in; a CUDA back end is a second
/// value of this struct, with device pointers in the same argument structs.

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/bn_stats_match/bn_stats_match.h"
#include "kernels/channel_scale/channel_scale.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/grad_cosine/grad_cosine.h"
#include "kernels/image_prior/image_prior.h"
#include "kernels/matmul/matmul.h"
#include "kernels/optim_step/optim_step.h"
#include "kernels/pool/pool.h"
#include "kernels/random/random.h"
#include "kernels/reduce/reduce.h"
#include "kernels/reorder/reorder.h"
#include "kernels/resample/resample.h"
#include "kernels/softmax_xent/softmax_xent.h"
#include "kernels/spatial/spatial.h"
#include "kernels/strided_copy/strided_copy.h"
#include "kernels/survival_screen/survival_screen.h"

namespace engram::kernels {

struct Backend {
  const char* name;
  const BatchNormKernels& batch_norm;
  const BnStatsMatchKernels& bn_stats_match;
  const ChannelScaleKernels& channel_scale;
  const Conv2dKernels& conv2d;
  const ElementwiseKernels& elementwise;
  const GradCosineKernels& grad_cosine;
  const ImagePriorKernels& image_prior;
  const MatmulKernels& matmul;
  const OptimStepKernels& optim_step;
  const PoolKernels& pool;
  const RandomKernels& random;
  const ReduceKernels& reduce;
  const ReorderKernels& reorder;
  const ResampleKernels& resample;
  const SoftmaxXentKernels& softmax_xent;
  const SpatialKernels& spatial;
  const StridedCopyKernels& strided_copy;
  const SurvivalScreenKernels& survival_screen;
};

/// The CPU back end.
const Backend& cpu_backend();

}  // namespace engram::kernels
