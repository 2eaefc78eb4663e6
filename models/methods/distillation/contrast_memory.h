#pragma once
/// The memory of contrastive representation distillation (Tian et al. 2020; docs/methods/distillation.md, "CRD").

#include "engine/ops/noise_contrast.h"
#include "models/layers.h"

namespace engram {

/// Two banks of embeddings, one row a training image, of student and teacher, and the constants that normalise their
/// scores. All are buffers (memory_v1, memory_v2, z): they go into checkpoints, and random values start the banks.
class ContrastMemory : public Module {
 public:
  /// For training images with these labels. Throws UsageError for a class that leaves fewer images of other classes
  /// than `negatives`.
  ContrastMemory(const std::vector<std::int32_t>& labels, int num_classes, dim_t negatives, dim_t width, double tau,
                 double momentum, Device device);

  /// i32 [N,1 + negatives] numbers of images: the samples themselves (i32 [N]), then images of other classes than
  /// `labels`, drawn with replacement. On the device.
  Tensor draw(const Tensor& samples, const Tensor& labels, Generator& generator) const;

  /// -(1/N) (sum log(p+ / (p+ + m + 1e-7)) + sum log(m / (p- + m + 1e-7))), m = negatives / images, for the student's
  /// embeddings against the teacher's bank and the reverse, added; p = exp(e bank / tau) / z with z = images * the mean
  /// of the exponentials of the first batch, fixed from then on. Embeddings [N,width] have norm 1; `images` as draw()
  /// gives them.
  Tensor loss(const Tensor& student, const Tensor& teacher, const Tensor& images);
  /// After the backward pass: the samples' rows become the normalised mixture of old and new embeddings.
  void update(const Tensor& student, const Tensor& teacher, const Tensor& samples);

 private:
  dim_t negatives_;
  double tau_, momentum_;
  Tensor bank_student_, bank_teacher_, z_student_, z_teacher_;
  Tensor next_z_student_, next_z_teacher_;
  ImagesByClass by_class_;
};

}  // namespace engram
