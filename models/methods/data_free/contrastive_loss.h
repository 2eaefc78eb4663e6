#pragma once
/// CMI's contrast between two views of an image and other images (docs/methods/data_free.md, "CMI").

#include "models/layers.h"

namespace engram {

/// Linear, ReLU, linear, scaled to length 1. Names head.0, head.2.
class ProjectionHead : public Module {
 public:
  ProjectionHead(dim_t in, dim_t out, Device device);
  /// [N,in] -> [N,out].
  Tensor forward(const Tensor& x) const;

 private:
  Linear first_, second_;
};

/// Features of two views of B images, and of K earlier ones.
struct ContrastViews {
  Tensor local, global;  ///< [B,D]; the loss has no gradient to `global`
  Tensor cached;         ///< [K,2D]: local | global of earlier rounds; undefined for none
  Tensor diagonal;       ///< i32 [B+K]: 0, 1, 2, ...; see diagonal_labels
  float temperature = 0.1f;
};

/// 0 .. count-1 as labels, made once outside of captured work.
Tensor diagonal_labels(dim_t count, const Device& device);

/// Logits local . stop_gradient(global)^T / T over current and cached rows; cross entropy with the diagonal: the mean
/// over the current rows plus, if there are any, the mean over the cached ones. A scalar. Throws ShapeError.
struct Contrast {
  Tensor loss;
  Tensor logits;  ///< [B+K,B+K]
};
Contrast contrastive_loss(const ProjectionHead& head, const ContrastViews& views);

}  // namespace engram
