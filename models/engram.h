#pragma once
/// Everything of engram in one header: #include "engram/engram.h".
///
/// Tensors and their gradients, operations, random numbers, optimisers' steps; layers and networks; classifier files
/// and data sets; inversion; pictures. Programs that need little include the headers that they use instead. Survival
/// models and gene selection are a library of their own ("engram/models/survival/", "engram/models/genes/").

#include "engine/autograd.h"
#include "engine/composite.h"
#include "engine/io/atomic_file.h"
#include "engine/io/image_file.h"
#include "engine/io/image_grid.h"
#include "engine/io/png.h"
#include "engine/io/tensor_io.h"
#include "engine/ops.h"
#include "engine/optim_step.h"
#include "engine/profiler.h"
#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/common/parallel.h"
#include "models/classifier_file.h"
#include "models/data/image_folder.h"
#include "models/data/network_images.h"
#include "models/data/open_dataset.h"
#include "models/layers.h"
#include "models/methods/distillation/student_task.h"
#include "models/methods/inversion/inversion.h"
#include "models/methods/inversion/inversion_loss.h"
#include "models/methods/inversion/synthetic_images.h"
#include "models/nets/make_network.h"
#include "models/training/evaluate.h"
#include "models/training/optimizer.h"
