#pragma once
/// All operations of the engine. Threads: any may call them at the same time; see engine/tensor.h.

#include "engine/ops/adaptive_pool.h"
#include "engine/ops/batch_norm.h"
#include "engine/ops/bn_stats_match.h"
#include "engine/ops/channel_scale.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/grad_cosine.h"
#include "engine/ops/image_batch.h"
#include "engine/ops/image_prior.h"
#include "engine/ops/layout.h"
#include "engine/ops/losses.h"
#include "engine/ops/matmul.h"
#include "engine/ops/pool.h"
#include "engine/ops/reduce.h"
#include "engine/ops/spatial.h"
#include "engine/ops/statistics.h"
