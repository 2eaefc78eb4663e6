#pragma once
/// Kernels of a device behind entry points that take host pointers: each call copies its operands to the memory of the
/// device under test and back.

#include "kernels/backend.h"

namespace engram::testing {

extern const kernels::AttentionMapKernels kStagedAttentionMap;
extern const kernels::BatchNormKernels kStagedBatchNorm;
extern const kernels::BnStatsMatchKernels kStagedBnStatsMatch;
extern const kernels::ChannelScaleKernels kStagedChannelScale;
extern const kernels::DepthwiseConvKernels kStagedDepthwiseConv;
extern const kernels::ElementwiseKernels kStagedElementwise;
extern const kernels::FactorDistanceKernels kStagedFactorDistance;
extern const kernels::GradCosineKernels kStagedGradCosine;
extern const kernels::ImageBatchKernels kStagedImageBatch;
extern const kernels::ImagePriorKernels kStagedImagePrior;
extern const kernels::MarginErrorKernels kStagedMarginError;
extern const kernels::OptimStepKernels kStagedOptimStep;
extern const kernels::PoolKernels kStagedPool;
extern const kernels::RandomKernels kStagedRandom;
extern const kernels::ReduceKernels kStagedReduce;
extern const kernels::ReorderKernels kStagedReorder;
extern const kernels::ResampleKernels kStagedResample;
extern const kernels::ResidualCosineKernels kStagedResidualCosine;
extern const kernels::SoftmaxXentKernels kStagedSoftmaxXent;
extern const kernels::SpatialKernels kStagedSpatial;
extern const kernels::StridedCopyKernels kStagedStridedCopy;
extern const kernels::SurvivalScreenKernels kStagedSurvivalScreen;

}  // namespace engram::testing
