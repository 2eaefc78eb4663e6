/// Losses on relations between samples, and alignments, against released code in float64
/// (tests/golden/distillation_losses.json).

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "models/methods/distillation/contrast_memory.h"
#include "models/methods/distillation/linear_embed.h"
#include "models/methods/distillation/relations.h"
#include "models/methods/distillation/variational_bound.h"
#include "models/methods/metrics/cka.h"
#include "tests/models/distillation_entries.h"
#include "tests/support/named_formula.h"

namespace engram::testing {
namespace {

Outcome sp(GoldenEntry& e, StoredLosses&) {
  return {similarity_distance(e.input("f_s"), e.input("f_t"))};
}

Outcome cc(GoldenEntry& e, StoredLosses&) {
  const dim_t width = rows_of(e, "modules", "embed_s.linear.weight");
  LinearEmbed s(e.input("f_s").dim(1), width, e.device()), t(e.input("f_t").dim(1), width, e.device());
  e.fill(s, e.id() + ".embed_s.");
  e.fill(t, e.id() + ".embed_t.");
  return {neighbour_correlation(s.forward(e.input("f_s")), t.forward(e.input("f_t")))};
}

Outcome vid(GoldenEntry& e, StoredLosses&) {
  VariationalBound bound(e.input("f_s").dim(1), e.input("f_t").dim(1), e.device());
  const auto& range = e.json()["constants"]["log_scale_range"];
  const std::string prefix = e.id() + ".criterion.";
  e.fill(bound, [&](const std::string& name) { return prefix + name; }, {{prefix + "log_scale", {range[0], range[1]}}});
  return {bound.forward(e.input("f_s"), e.input("f_t"))};
}

Outcome rkd(GoldenEntry& e, StoredLosses&) {
  const std::string code = e.code();
  return {float(number_in(code, "RKDLoss\\(([0-9.]+)")) * relational_distance(e.input("f_s"), e.input("f_t")) +
          float(number_in(code, "RKDLoss\\([0-9.]+, ([0-9.]+)")) * relational_angle(e.input("f_s"), e.input("f_t"))};
}

Outcome rkd_distance(GoldenEntry& e, StoredLosses&) {
  Tensor s = e.input("f_s");
  if (e.code().find("multiplied by") != std::string::npos)
    s = concat({slice(s, 0, 0, 1) * float(number_in(e.code(), "first student row multiplied by ([0-9.]+)")),
                slice(s, 0, 1, s.dim(0))},
               0);
  return {relational_distance(s, e.input("f_t"))};
}

Outcome rkd_angle(GoldenEntry& e, StoredLosses&) {
  return {relational_angle(e.input("f_s"), e.input("f_t"))};
}

Outcome pkt(GoldenEntry& e, StoredLosses&) {
  // A mean of logarithms near 0; PyTorch's float32 is 2.3e-5 away.
  return {probability_distance(e.input("f_s"), e.input("f_t")), 0, 5e-5};
}

Outcome crd(GoldenEntry& e, StoredLosses& all) {
  const dim_t images = dim_t(e.constant("n_data")), negatives = dim_t(e.constant("nce_k")),
              width = dim_t(e.constant("feat_dim"));
  // "crd.call0", "crd.call1", ... are calls of one object, "crd".
  const std::string object = e.id().substr(0, e.id().rfind('.'));
  auto& memory = all.memories[object];
  if (!memory) {
    // The file names the negatives itself, so that classes only bound their number: each image is one of its own.
    std::vector<std::int32_t> classes(std::size_t(images), 0);
    std::iota(classes.begin(), classes.end(), 0);
    memory = std::make_unique<ContrastMemory>(classes, int(images), negatives, width, e.constant("tau"),
                                              e.constant("momentum"), e.device());
    const double bound = 1 / std::sqrt(double(width) / 3);
    StateDict state;
    for (const auto& [name, tensor] : memory->state())
      state[name] = name.starts_with("memory")
                        ? Tensor::from(formula_between(object + "." + name, all.seed, tensor.numel(), -bound, bound),
                                       tensor.shape())
                        : Tensor::zeros(tensor.shape());
    memory->load_state(state);
  }
  LinearEmbed s(e.input("f_s").dim(1), width, e.device()), t(e.input("f_t").dim(1), width, e.device());
  e.fill(s, object + ".embed_s.");
  e.fill(t, object + ".embed_t.");
  const auto unit = [](const Tensor& x) { return x / norm(x, {1}, true); };
  const Tensor es = unit(s.forward(e.input("f_s"))), et = unit(t.forward(e.input("f_t")));
  const auto& parts = e.json()["parts"];
  std::vector<std::int32_t> chosen;
  for (const auto& row : parts["contrast_index"])
    for (const std::int32_t index : row) chosen.push_back(index);
  const dim_t n = es.dim(0);
  const Tensor loss = memory->loss(es, et, Tensor::from(chosen, {n, negatives + 1}, e.device()));
  e.expect_loss(loss);  // before the banks that the graph saw change
  e.part("index", parts["index"].get<std::vector<double>>());
  e.part("contrast_index", std::vector<double>(chosen.begin(), chosen.end()));
  memory->update(es, et, e.labels(parts["index"]));
  const auto rowsums = [&](const char* name) { return first_values(sum(memory->state().at(name), {1})); };
  e.part("Z_v1", memory->state().at("z_v1"));
  e.part("Z_v2", memory->state().at("z_v2"));
  e.part("bank_v1_rowsum", rowsums("memory_v1"));
  e.part("bank_v2_rowsum", rowsums("memory_v2"));
  return {};
}

Outcome cka_linear(GoldenEntry& e, StoredLosses&) {
  return {alignment(gram_matrix(e.input("x")), gram_matrix(e.input("y")))};
}

/// Not centred.
Tensor linear_gram(const Tensor& x) {
  return matmul(x, x, false, true);
}

Outcome cka_gram(GoldenEntry& e, StoredLosses&) {
  return {alignment(linear_gram(e.input("x")), linear_gram(e.input("y")))};
}

Outcome cka_rbf(GoldenEntry& e, StoredLosses&) {
  const double threshold = number_in(e.code(), "\"rbf\", ([0-9.]+)");
  return {alignment(gaussian_gram(e.input("x"), threshold), gaussian_gram(e.input("y"), threshold))};
}

Outcome cka_literal(GoldenEntry& e, StoredLosses&) {
  const auto matrix = [&](const char* name) {
    const auto& rows = e.json()["inputs"][0][name];
    std::vector<float> values;
    for (const auto& row : rows)
      for (const float value : row) values.push_back(value);
    return Tensor::from(values, {dim_t(rows.size()), dim_t(rows[0].size())}, e.device());
  };
  const Tensor x = matrix("X"), y = matrix("Y");
  e.part("gram", alignment(linear_gram(x), linear_gram(y)));
  return {alignment(gram_matrix(x), gram_matrix(y))};
}

/// The mean of t log(t/s) in double, as the released code states it.
double probability_distance_f64(const std::vector<float>& student, const std::vector<float>& teacher, dim_t n) {
  const auto probabilities = [&](const std::vector<float>& x) {
    const std::size_t rows = std::size_t(n), d = x.size() / rows;
    std::vector<double> p(rows * rows);
    const auto dot = [&](std::size_t i, std::size_t j) {
      return std::inner_product(x.begin() + std::ptrdiff_t(i * d), x.begin() + std::ptrdiff_t((i + 1) * d),
                                x.begin() + std::ptrdiff_t(j * d), 0.0, std::plus<>(),
                                [](float a, float b) { return double(a) * double(b); });
    };
    for (std::size_t i = 0; i < rows; ++i) {
      double total = 0;
      for (std::size_t j = 0; j < rows; ++j)
        total += p[i * rows + j] = (dot(i, j) / (std::sqrt(dot(i, i)) + 1e-7) / (std::sqrt(dot(j, j)) + 1e-7) + 1) / 2;
      for (std::size_t j = 0; j < rows; ++j) p[i * rows + j] /= total;
    }
    return p;
  };
  const std::vector<double> s = probabilities(student), t = probabilities(teacher);
  double total = 0;
  for (std::size_t i = 0; i < s.size(); ++i) total += t[i] * std::log((t[i] + 1e-7) / (s[i] + 1e-7));
  return total / double(s.size());
}

// Features in [0, 1) have probabilities that differ by a few hundredths; as a difference of logarithms PKT's distance
// keeps four digits of them.
TEST(ProbabilityDistance, KeepsTheDigitsOfNearProbabilities) {
  for (const dim_t n : {5, 8, 12})
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const auto s = formula_between("pkt.f_s", seed, n * 64, 0, 1), t = formula_between("pkt.f_t", seed, n * 64, 0, 1);
      const double got = probability_distance(Tensor::from(s, {n, 64}), Tensor::from(t, {n, 64})).item();
      expect_relative(got, probability_distance_f64(s, t, n), 1e-5, std::to_string(n) + " samples");
    }
  // Far from each other, and opposite: probabilities of 0.
  const std::vector<float> s = {1, 0, -1, 0.1f, 0.3f, 1}, t = {1, 0.2f, 1, 0.1f, -1, -0.2f};
  expect_relative(probability_distance(Tensor::from(s, {3, 2}), Tensor::from(t, {3, 2})).item(),
                  probability_distance_f64(s, t, 3), 1e-5, "far ones");
}

class RelationLosses : public ::testing::TestWithParam<std::string> {};

TEST_P(RelationLosses, AreThoseOfTheReleasedCode) {
  expect_stored_losses(relation_losses(), parse_device(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Devices, RelationLosses, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return info.param; });

}  // namespace

std::vector<LossKind> relation_losses() {
  return {
      {"sp", sp},
      {"cc", cc},
      {"vid", vid},
      {"rkd.repdistiller", rkd},
      {"rkd.distance", rkd_distance},
      {"rkd.angle", rkd_angle},
      {"pkt", pkt},
      {"crd.", crd},
      {"cka.linear_gram", cka_gram},
      {"cka.linear", cka_linear},
      {"cka.rbf", cka_rbf},
      {"cka.spec_vector", cka_literal},
  };
}

}  // namespace engram::testing
