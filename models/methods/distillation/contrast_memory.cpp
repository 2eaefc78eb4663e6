#include "models/methods/distillation/contrast_memory.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/autograd.h"

namespace engram {

ContrastMemory::ContrastMemory(const std::vector<std::int32_t>& labels, int num_classes, dim_t negatives, dim_t width,
                               double tau, double momentum, Device device)
    : negatives_(negatives), tau_(tau), momentum_(momentum) {
  const dim_t images = dim_t(labels.size());
  std::vector<std::int32_t> by_class(labels.size()), begin(std::size_t(num_classes), 0), size = begin;
  std::iota(by_class.begin(), by_class.end(), 0);
  std::stable_sort(by_class.begin(), by_class.end(),
                   [&](std::int32_t a, std::int32_t b) { return labels[std::size_t(a)] < labels[std::size_t(b)]; });
  for (const std::int32_t label : labels) ++size[std::size_t(label)];
  std::exclusive_scan(size.begin(), size.end(), begin.begin(), 0);
  const dim_t others = images - *std::max_element(size.begin(), size.end());
  if (negatives < 1 || negatives > others)
    throw UsageError(message("[crd] expected 1 to ", others, " negatives, as many as ", images,
                             " training images have of other classes, got ", negatives));
  const float bound = float(1 / std::sqrt(double(width) / 3));
  bank_student_ = register_buffer("memory_v1", {images, width}, Init::uniform(-bound, bound), device);
  bank_teacher_ = register_buffer("memory_v2", {images, width}, Init::uniform(-bound, bound), device);
  z_student_ = register_buffer("z_v1", {1}, Init::constant(0), device);
  z_teacher_ = register_buffer("z_v2", {1}, Init::constant(0), device);
  by_class_ = {Tensor::from(by_class, {images}, device), Tensor::from(begin, {num_classes}, device),
               Tensor::from(size, {num_classes}, device)};
}

Tensor ContrastMemory::draw(const Tensor& samples, const Tensor& labels, Generator& generator) const {
  const Tensor u = uniform({samples.dim(0), negatives_}, generator, 0, 1, samples.device());
  return draw_contrasts(u, samples, labels, by_class_);
}

Tensor ContrastMemory::loss(const Tensor& student, const Tensor& teacher, const Tensor& images) {
  const NoiseContrast by_teacher = noise_contrast(student, bank_teacher_, images, z_student_, tau_),
                      by_student = noise_contrast(teacher, bank_student_, images, z_teacher_, tau_);
  next_z_student_ = by_teacher.z;
  next_z_teacher_ = by_student.z;
  return by_teacher.loss + by_student.loss;
}

void ContrastMemory::update(const Tensor& student, const Tensor& teacher, const Tensor& samples) {
  const NoGradGuard no_grad;
  mix_into_bank(bank_student_, student, samples, float(momentum_));
  mix_into_bank(bank_teacher_, teacher, samples, float(momentum_));
  add_in_place(z_student_, next_z_student_ - z_student_);
  add_in_place(z_teacher_, next_z_teacher_ - z_teacher_);
}

}  // namespace engram
