#include "models/methods/distillation/contrast_memory.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/autograd.h"
#include "engine/ops/indexed_rows.h"

namespace engram {
namespace {

constexpr dim_t kLargestExact = dim_t(1) << 24;  // f32 holds all whole numbers up to it
constexpr dim_t kMostRows = 4096;                // samples a batch

Tensor whole_part(const Tensor& x) {
  return convert(convert(x, DType::kI32), DType::kF32);
}

Tensor unit(const Tensor& x) {
  return x / norm(x, {1}, true);
}

}  // namespace

ContrastMemory::ContrastMemory(const std::vector<std::int32_t>& labels, int num_classes, dim_t negatives, dim_t width,
                               double tau, double momentum, Device device)
    : images_(dim_t(labels.size())), negatives_(negatives), tau_(tau), momentum_(momentum) {
  std::vector<dim_t> order(labels.size());
  std::iota(order.begin(), order.end(), dim_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](dim_t a, dim_t b) { return labels[std::size_t(a)] < labels[std::size_t(b)]; });
  std::vector<float> sorted, first(std::size_t(num_classes), 0), size(std::size_t(num_classes), 0);
  for (const dim_t image : order) {
    const auto label = std::size_t(labels[std::size_t(image)]);
    if (size[label] == 0) first[label] = float(sorted.size());
    ++size[label];
    sorted.push_back(float(image));
  }
  const dim_t others = images_ - dim_t(*std::max_element(size.begin(), size.end()));
  if (negatives < 1 || negatives > others)
    throw UsageError(message("[crd] expected 1 to ", others, " negatives, as many as ", images_,
                             " training images have of other classes, got ", negatives));
  const float bound = float(1 / std::sqrt(double(width) / 3));
  bank_student_ = register_buffer("memory_v1", {images_, width}, Init::uniform(-bound, bound), device);
  bank_teacher_ = register_buffer("memory_v2", {images_, width}, Init::uniform(-bound, bound), device);
  z_student_ = register_buffer("z_v1", {1}, Init::constant(0), device);
  z_teacher_ = register_buffer("z_v2", {1}, Init::constant(0), device);
  by_class_ = Tensor::from(sorted, {images_}, device);
  first_of_class_ = Tensor::from(first, {num_classes}, device);
  size_of_class_ = Tensor::from(size, {num_classes}, device);
  std::vector<float> offsets;
  for (dim_t row = 0; row * images_ < kLargestExact && row < kMostRows; ++row) offsets.push_back(float(row * images_));
  row_offsets_ = Tensor::from(offsets, {dim_t(offsets.size()), 1}, device);
}

Tensor ContrastMemory::draw(const Tensor& samples, const Tensor& labels, Generator& generator) const {
  const NoGradGuard no_grad;
  const dim_t n = samples.dim(0);
  const Tensor first = reshape(select_known(first_of_class_, 0, labels), {n, 1}),
               size = reshape(select_known(size_of_class_, 0, labels), {n, 1});
  const Tensor u = uniform({n, negatives_}, generator, 0, 1, samples.device());
  const Tensor rank = whole_part(u * (float(images_) - size));
  const Tensor place = rank + size * greater(rank, first - 0.5f);  // past the own class
  const Tensor others = select_known(by_class_, 0, convert(flatten(place, 0), DType::kI32));
  return concat({reshape(convert(samples, DType::kF32), {n, 1}), reshape(others, {n, negatives_})}, 1);
}

ContrastMemory::Side ContrastMemory::side(const Tensor& embedding, const Tensor& bank, const Tensor& z,
                                          const Tensor& samples, const Tensor& flat) const {
  const dim_t n = embedding.dim(0), per_sample = flat.dim(0) / n;
  const double m = double(negatives_) / double(images_);
  // One product with the whole bank and a choice of its entries: the rows chosen would be many times the bank.
  const Tensor scaled = embedding * float(1 / tau_), scores = matmul(scaled, bank, false, true);
  const Tensor chosen = exp(reshape(select_known(flatten(scores, 0), 0, flat), {n, per_sample}));
  const Tensor unset = equal(z, Tensor::zeros({1}, z.device()));
  const Tensor next_z = z + unset * (mean(chosen.detach()) * float(images_)), zm = next_z * float(m);
  // With q = p / m the loss is the sum of log(q + 1 + 1e-7/m) over all that were chosen, less that of log q over the
  // samples' own: logarithms near 0, where those of p + m would cancel a thousand times their sum.
  const Tensor all = sum(log(chosen / reshape(zm, {1, 1}) + float(1 + 1e-7 / m)));
  const Tensor own = sum(scaled * select_known(bank, 0, samples)) - sum(log(zm)) * float(n);
  return {(all - own) * float(1.0 / double(n)), next_z};
}

Tensor ContrastMemory::loss(const Tensor& student, const Tensor& teacher, const Tensor& images) {
  const dim_t n = student.dim(0);
  if (n > row_offsets_.dim(0))
    throw UsageError(message("[crd] expected a batch of at most ", row_offsets_.dim(0), " with ", images_,
                             " training images, got ", n));
  const auto numbers = [](const Tensor& x) { return convert(flatten(x, 0), DType::kI32); };
  const auto [samples, flat] = [&] {
    const NoGradGuard no_grad;
    return std::pair(numbers(slice(images, 1, 0, 1)), numbers(images + slice(row_offsets_, 0, 0, n)));
  }();
  const Side by_teacher = side(student, bank_teacher_, z_student_, samples, flat),
             by_student = side(teacher, bank_student_, z_teacher_, samples, flat);
  next_z_student_ = by_teacher.z;
  next_z_teacher_ = by_student.z;
  return by_teacher.loss + by_student.loss;
}

void ContrastMemory::mix(const Tensor& bank, const Tensor& embedding, const Tensor& samples) const {
  const Tensor old = select_known(bank, 0, samples);
  const Tensor mixed = unit(float(momentum_) * old + float(1 - momentum_) * embedding.detach());
  add_in_place(bank, add_known(mixed - old, samples, images_));
}

void ContrastMemory::update(const Tensor& student, const Tensor& teacher, const Tensor& samples) {
  const NoGradGuard no_grad;
  mix(bank_student_, student, samples);
  mix(bank_teacher_, teacher, samples);
  add_in_place(z_student_, next_z_student_ - z_student_);
  add_in_place(z_teacher_, next_z_teacher_ - z_teacher_);
}

}  // namespace engram
