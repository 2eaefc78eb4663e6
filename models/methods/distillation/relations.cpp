#include "models/methods/distillation/relations.h"

#include <cmath>

namespace engram {
namespace {

/// Rows x_j - x_i as [N,N,D].
Tensor differences(const Tensor& x) {
  const dim_t n = x.dim(0), d = x.dim(1);
  return reshape(x, {1, n, d}) - reshape(x, {n, 1, d});
}

/// Distances of all pairs over the mean of the positive ones.
Tensor relative_distances(const Tensor& x) {
  const Tensor distances = norm(differences(x), {2});
  const Tensor positive = sum(greater(distances.detach(), Tensor::zeros({1, 1}, x.device())));
  return distances / (sum(distances) / positive);
}

/// Cosines at the middle sample of all triples, [N,N,N].
Tensor angles(const Tensor& x) {
  const Tensor d = differences(x);
  const Tensor length = norm(d, {2}, true);
  const Tensor directions = d / maximum(length, Tensor::full({1, 1, 1}, 1e-12f, x.device()));
  return batched_matmul(directions, directions, false, true);
}

Tensor row_similarities(const Tensor& x) {
  const Tensor rows = flatten(x, 1);
  return unit_rows(matmul(rows, rows, false, true));
}

/// Row-normalised cosines in [0,1].
Tensor neighbour_probabilities(const Tensor& x) {
  const Tensor unit = x / (norm(x, {1}, true) + 1e-7f);
  const Tensor cosines = 0.5f * (matmul(unit, unit, false, true) + 1.f);
  return cosines / sum(cosines, {1}, true);
}

/// [N,C,H W], each channel's map of norm 1.
Tensor unit_maps(const Tensor& x) {
  const dim_t n = x.dim(0), c = x.dim(1);
  return reshape(unit_rows(reshape(x.contiguous(), {n * c, x.dim(2) * x.dim(3)})), {n, c, x.dim(2) * x.dim(3)});
}

Tensor mean_kernel(const Tensor& a, const Tensor& b) {
  return mean(square(batched_matmul(a, b, false, true)));
}

/// t log(t/s) - t + s of each entry. With y = (t - s)/(t + s) this is (t + s)((1 + y) atanh(y) - y): of second order in
/// y, so that a series keeps the digits of near entries that the difference of logarithms loses.
Tensor relative_entropy(const Tensor& t, const Tensor& s) {
  constexpr float kNear = 0.25f;
  const Tensor both = t + s, y = (t - s) / both, q = square(y);
  const Tensor far = greater(abs(y.detach()), Tensor::full({1, 1}, kNear, t.device()));
  Tensor even = Tensor::full({1, 1}, 1 / 11.f, t.device()), odd = Tensor::full({1, 1}, 1 / 13.f, t.device());
  for (int k = 9; k > 0; k -= 2) {
    even = 1 / float(k) + q * even;
    odd = 1 / float(k + 2) + q * odd;
  }
  return far * (t * (log(t) - log(s)) - (t - s)) + (1.f + neg(far)) * both * q * (even + y * odd);
}

Tensor stage_product(const Tensor& x, const Tensor& next) {
  const MapPair maps = pooled_to_smaller(x, next);
  const dim_t pixels = maps.student.dim(2) * maps.student.dim(3);
  const Tensor a = reshape(maps.student.contiguous(), {x.dim(0), x.dim(1), pixels}),
               b = reshape(maps.teacher.contiguous(), {x.dim(0), next.dim(1), pixels});
  return batched_matmul(a, b, false, true) * float(1.0 / double(pixels));
}

}  // namespace

Tensor smooth_l1(const Tensor& a, const Tensor& b) {
  const Tensor size = abs(a - b);
  const Tensor inner = clamp(size, 0, 1);
  return mean(0.5f * square(inner) + (size - inner));
}

Tensor similarity_distance(const Tensor& student, const Tensor& teacher) {
  const float n = float(student.dim(0));
  return sum(square(row_similarities(teacher.detach()) - row_similarities(student))) * (1 / (n * n));
}

Tensor probability_distance(const Tensor& student, const Tensor& teacher) {
  constexpr float kSmall = 1e-7f;  // inside the logarithms only
  const Tensor s = neighbour_probabilities(student) + kSmall, t = neighbour_probabilities(teacher.detach()) + kSmall;
  // Rows have the same sum, so that what relative_entropy() adds to t log(t/s) sums up to nothing.
  return mean(relative_entropy(t, s)) - kSmall * mean(log(t) - log(s));
}

Tensor relational_distance(const Tensor& student, const Tensor& teacher) {
  return smooth_l1(relative_distances(student), relative_distances(teacher.detach()));
}

Tensor relational_angle(const Tensor& student, const Tensor& teacher) {
  return smooth_l1(angles(student), angles(teacher.detach()));
}

Tensor neighbour_correlation(const Tensor& student, const Tensor& teacher) {
  const Tensor d = abs(student - teacher);
  const dim_t n = d.dim(0);
  if (n < 2) return 0.f * sum(d);
  return sum(slice(d, 0, 0, n - 1) * slice(d, 0, 1, n)) * float(1.0 / double(n - 1));
}

Tensor selectivity_distance(const Tensor& student, const Tensor& teacher) {
  const MapPair maps = pooled_to_smaller(student, teacher.detach());
  const Tensor s = unit_maps(maps.student), t = unit_maps(maps.teacher);
  return mean_kernel(t, t) + mean_kernel(s, s) - 2.f * mean_kernel(s, t);
}

Tensor flow_distance(const Tensor& student, const Tensor& student_next, const Tensor& teacher,
                     const Tensor& teacher_next) {
  return mse(stage_product(student, student_next), stage_product(teacher.detach(), teacher_next.detach()));
}

Tensor boundary_distance(const std::vector<Tensor>& student, const std::vector<Tensor>& teacher) {
  Tensor total;
  for (std::size_t i = 0; i < student.size(); ++i) {
    const Tensor &s = student[i], at = s.detach();
    const Tensor one = Tensor::ones({1, 1, 1, 1}, s.device()), zero = Tensor::zeros({1, 1, 1, 1}, s.device());
    const Tensor fires = greater(teacher[i].detach(), zero);
    const Tensor low = greater(at, neg(one)) * (1.f - fires), high = (1.f - greater(at, one)) * fires;
    const double weight = std::ldexp(3.0 / 1000 / double(s.dim(0)), -int(student.size() - 1 - i));
    const Tensor stage = float(weight) * sum(low * square(s + 1.f) + high * square(s - 1.f));
    total = total.defined() ? total + stage : stage;
  }
  return total;
}

}  // namespace engram
