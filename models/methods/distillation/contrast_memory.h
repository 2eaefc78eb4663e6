#pragma once
/// The memory of contrastive representation distillation (Tian et al. 2020; docs/methods/distillation.md, "CRD").

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

  /// f32 [N,1 + negatives] numbers of images: the samples themselves (i32 [N]), then images of other classes than
  /// `labels`, drawn with replacement. On the device.
  Tensor draw(const Tensor& samples, const Tensor& labels, Generator& generator) const;

  /// -(1/N) (sum log(p+ / (p+ + m + 1e-7)) + sum log(m / (p- + m + 1e-7))), m = negatives / images, for the student's
  /// embeddings against the teacher's bank and the reverse, added; p = exp(e bank / tau) / z with z = images * the mean
  /// of the exponentials of the first batch, fixed from then on. Embeddings [N,width] have norm 1; `images` as draw()
  /// gives them. Throws UsageError when N times the images does not fit 24 bits.
  Tensor loss(const Tensor& student, const Tensor& teacher, const Tensor& images);
  /// After the backward pass: the samples' rows become the normalised mixture of old and new embeddings.
  void update(const Tensor& student, const Tensor& teacher, const Tensor& samples);

 private:
  struct Side {
    Tensor loss, z;
  };
  Side side(const Tensor& embedding, const Tensor& bank, const Tensor& z, const Tensor& samples,
            const Tensor& flat) const;
  void mix(const Tensor& bank, const Tensor& embedding, const Tensor& samples) const;

  dim_t images_, negatives_;
  double tau_, momentum_;
  Tensor bank_student_, bank_teacher_, z_student_, z_teacher_;
  Tensor next_z_student_, next_z_teacher_;
  Tensor by_class_, first_of_class_, size_of_class_;  // f32: numbers of images, sorted by class
  Tensor row_offsets_;                                // f32 [rows,1]: where each sample's scores begin
};

}  // namespace engram
