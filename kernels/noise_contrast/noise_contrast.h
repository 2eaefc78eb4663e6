#pragma once
/// Noise-contrastive estimation against a bank of embeddings, one row a training image (Tian et al. 2020, "Contrastive
/// Representation Distillation"; docs/methods/distillation.md, "CRD"): which images a sample is held against, the loss
/// of its scores with their derivative, and the step of the bank. The scores are a matrix product of the caller's.

#include <cstddef>
#include <cstdint>

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Images of other classes for each sample. Images are sorted by class in `by_class`; those of class c are
/// `class_size[c]` from `class_begin[c]` on. With r = floor(uniform (images - class size)) the image is the r-th of the
/// others. Product and rounding are those of f32.
struct ContrastDrawArgs {
  const float* uniform;             ///< [rows, negatives] in [0, 1)
  const std::int32_t* samples;      ///< [rows] their own images
  const std::int32_t* labels;       ///< [rows]
  const std::int32_t* class_begin;  ///< [classes]
  const std::int32_t* class_size;   ///< [classes], less than images
  const std::int32_t* by_class;     ///< [images]
  dim_t rows, negatives, images;    ///< images at most 2^24
  dim_t classes;
  std::int32_t* chosen;  ///< [rows, 1 + negatives]: the sample's own image, then the others
};

/// With q = exp(score) / (m z), m = negatives / images and e = 1e-7 / m, the loss is the mean over the rows of
/// sum_k log(1 + e + q_k) - log q_0, k over the chosen images, which may repeat. `z_in` = 0 stands for images times the
/// mean of the exponentials of all chosen scores, which is a constant to the derivative.
struct ContrastLossArgs {
  const float* scores;         ///< [rows, images]
  const std::int32_t* chosen;  ///< [rows, 1 + negatives] in [0, images)
  const float* z_in;           ///< scalar
  dim_t rows, negatives, images;
  float* loss;        ///< scalar
  float* z_out;       ///< scalar: z_in, or what it stands for
  float* derivative;  ///< [rows, images] of the loss to the scores; may be scores, or null
  void* workspace;    ///< loss_workspace_bytes, aligned to 8
};

/// Each sample's row of the bank becomes the mixture momentum row + (1 - momentum) embedding over its norm. Of equal
/// samples the last one counts.
struct ContrastMixArgs {
  float* bank;                  ///< [images, width]
  const float* embeddings;      ///< [rows, width]
  const std::int32_t* samples;  ///< [rows] in [0, images)
  dim_t rows, images, width;
  float momentum;
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct NoiseContrastKernels {
  void (*draw)(Stream, const ContrastDrawArgs&);
  void (*loss)(Stream, const ContrastLossArgs&);
  void (*mix)(Stream, const ContrastMixArgs&);
  /// Bytes of workspace of a loss.
  std::size_t (*loss_workspace_bytes)(dim_t rows, dim_t negatives, dim_t images);
};

/// Uniform values, labels and samples read once, an entry of the sorted images for each that is chosen.
Cost contrast_draw_cost(dim_t rows, dim_t negatives);
/// Scores and choices read; the derivative, if wanted, is as large as the scores.
Cost contrast_loss_cost(dim_t rows, dim_t negatives, dim_t images, bool derivative);
/// Samples and embeddings read; their rows of the bank read and written.
Cost contrast_mix_cost(dim_t rows, dim_t width);

/// The CPU back end.
extern const NoiseContrastKernels kCpuNoiseContrast;
/// The CUDA back end; defined where its kernels are linked.
extern const NoiseContrastKernels kCudaNoiseContrast;

/// Plain loops in double: the oracle of the tests.
namespace reference {
void contrast_draw(const ContrastDrawArgs& args, double* chosen);
/// Returns the loss; `derivative` [rows, images] may be null.
double contrast_loss(dim_t rows, dim_t negatives, dim_t images, const double* scores, const std::int32_t* chosen,
                     double z_in, double* z_out, double* derivative);
void contrast_mix(const double* embeddings, const std::int32_t* samples, dim_t rows, dim_t width, double momentum,
                  double* bank);
}  // namespace reference

}  // namespace engram::kernels
