#pragma once
/// Noise-contrastive estimation of embeddings against a bank, fused. Not in engine/ops.h: its numbers of images are not
/// looked at on the host, so that nothing waits and work with them can be captured. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

/// Training images by class: those of class c are entries [begin[c], begin[c] + size[c]) of `by_class`. i32 vectors.
struct ImagesByClass {
  Tensor by_class, begin, size;
};

/// i32 [n, 1 + k]: each sample's own image (samples, i32 [n]), then k images of other classes than its label (i32 [n]),
/// chosen by uniform [n, k] in [0, 1). Nothing waits, so samples and labels are not looked at: they must lie in the
/// ranges of `images`. Throws ShapeError, DTypeError; UsageError for more than 2^24 images.
Tensor draw_contrasts(const Tensor& uniform, const Tensor& samples, const Tensor& labels, const ImagesByClass& images);

/// A loss, and the constant that normalised its scores.
struct NoiseContrast {
  Tensor loss, z;
};

/// With scores s_ij = embedding_i bank_j / tau, q = exp(s) / (m z), m = k / images: the mean over the embeddings [n,w]
/// of sum_k log(1 + 1e-7 / m + q_k) - log q_0 over their chosen rows (draw_contrasts) of the bank [images,w]. `z` [1]
/// is used as it is, or for 0 becomes images times the mean of the chosen exponentials, without a derivative.
/// Differentiable to any order in the embedding; the derivative is computed with the loss. Independent of the thread
/// count but for the matrix products. Throws ShapeError, DTypeError; UsageError for tau not above 0.
NoiseContrast noise_contrast(const Tensor& embedding, const Tensor& bank, const Tensor& chosen, const Tensor& z,
                             double tau);

/// In place: the samples' rows of the bank become momentum row + (1 - momentum) embedding over its norm; of equal
/// samples the last one counts. embedding [n,w], bank [images,w], samples i32 [n], which are not looked at. Not
/// recorded. Throws ShapeError, DTypeError.
void mix_into_bank(const Tensor& bank, const Tensor& embedding, const Tensor& samples, float momentum);

}  // namespace engram
