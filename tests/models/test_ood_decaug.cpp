/// DecAug against the authors' code: terms and gradients on given features (tests/golden/decaug_losses.json), and
/// what follows from its formulas.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/ood/decaug_loss.h"
#include "models/methods/ood/softmax_residual.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"
#include "tests/support/ood_golden.h"

namespace engram::testing {
namespace {

using nlohmann::json;

/// Two branches on given features, and the classifier.
struct Heads {
  Heads(const json& j, std::uint64_t seed, Device device)
      : u1(j["D"], j["F"], device),
        v1(j["F"], j["C"], device),
        u2(j["D"], j["F"], device),
        v2(j["F"], j["K"], device),
        w(2 * dim_t(j["F"]), j["C"], device),
        z(Tensor::from(formula_normal(j["names"]["z"], seed, dim_t(j["B"]) * dim_t(j["D"])), {j["B"], j["D"]},
                       device)) {
    z.set_requires_grad();
    for (const auto& [symbol, tensor] : tensors())
      if (symbol != "z") fill_parameter(tensor, j["names"][symbol], seed);
  }
  Linear u1, v1, u2, v2, w;
  Tensor z;

  std::map<std::string, Tensor> tensors() const {
    return {{"z", z},        {"U1", u1.weight}, {"b1", u1.bias}, {"V1", v1.weight}, {"c1", v1.bias}, {"U2", u2.weight},
            {"b2", u2.bias}, {"V2", v2.weight}, {"c2", v2.bias}, {"W", w.weight},   {"d", w.bias}};
  }
};

/// What DecAug makes of them.
struct Terms {
  std::map<std::string, Tensor> losses;  ///< by the names of the file
  GradientAngles angles;
  Tensor a1, a2, p1, p2, g1, g2, delta, augmented, fused;
};

Terms decaug_terms(const Heads& h, const Tensor& y, const Tensor& k, const DecAugReading& reading,
                   BranchActivation activation, double aug_eps, const Tensor& alpha) {
  const auto act = [&](const Tensor& x) {
    return activation == BranchActivation::kTanh ? tanh(x) : activation == BranchActivation::kRelu ? relu(x) : x;
  };
  Terms t;
  t.a1 = act(h.u1.forward(h.z));
  t.a2 = act(h.u2.forward(h.z));
  const Tensor o1 = h.v1.forward(t.a1), o2 = h.v2.forward(t.a2);
  t.p1 = softmax(o1);
  t.p2 = softmax(o2);
  const Tensor r1 = softmax_residual(o1, y), r2 = softmax_residual(o2, k);
  t.g1 = branch_gradient(r1, {h.u1, h.v1}, t.a1, activation, reading.full);
  t.g2 = branch_gradient(r2, {h.u2, h.v2}, t.a2, activation, reading.full);
  const HeadResidual head1 = head_residual(o1, y, reading.double_softmax),
                     head2 = head_residual(o2, k, reading.double_softmax);
  t.angles = branch_angles({{h.u1, h.v1}, t.a1, {o1, y, head1.residual}}, {{h.u2, h.v2}, t.a2, {o2, k, head2.residual}},
                           activation, reading);
  const dim_t width = t.a1.dim(1);
  const auto moved = [&](const Tensor& from, const Tensor& share) {
    return shifted_concat(t.a1, from, head2.residual, h.v2.weight, share, float(aug_eps), float(reading.orth_eps));
  };
  // From 0, so that no digits go with the features that it would be added to.
  t.delta =
      slice(moved(Tensor::zeros(t.a2.shape(), t.a2.device()), Tensor::ones({1}, t.a2.device())), 1, width, 2 * width);
  const Tensor both = moved(t.a2, alpha);
  t.augmented = slice(both, 1, width, 2 * width);
  t.fused = h.w.forward(both);
  t.losses = {{"L1", mean(head1.losses)},
              {"L2", mean(head2.losses)},
              {"L_orth", orthogonal_term(t.angles, reading.sum)},
              {"L3", softmax_cross_entropy_soft(t.fused, y)}};
  return t;
}

class DecAugLosses : public ::testing::TestWithParam<std::string> {
 protected:
  Device device() const { return parse_device(GetParam()); }

  Heads heads(const json& j) const { return Heads(j, seed_, device()); }
  Tensor targets(const json& labels, dim_t classes) const {
    return one_hot(Tensor::from(labels.get<std::vector<std::int32_t>>(), {dim_t(labels.size())}, device()), classes);
  }
  Tensor alphas(const json& alpha) const {
    if (alpha.is_number()) return Tensor::full({1, 1}, alpha, device());
    return Tensor::from(alpha.get<std::vector<float>>(), {dim_t(alpha.size()), 1}, device());
  }

  /// Gradients of a term to every tensor that the file lists.
  void expect_gradients(const Heads& h, const Tensor& term, const json& expected, const std::string& what) const {
    std::vector<std::string> symbols;
    std::vector<Tensor> tensors;
    const auto all = h.tensors();
    for (const auto& [symbol, values] : expected.items()) {
      symbols.push_back(symbol);
      tensors.push_back(all.at(symbol));
    }
    const std::vector<Tensor> got = grad({term}, tensors, {.retain_graph = true, .allow_unused = true});
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      const Tensor gradient = got[i].defined() ? got[i] : Tensor::zeros(tensors[i].shape(), device());
      expect_numbers(gradient, expected[symbols[i]], 1e-4, what + " to " + symbols[i], 4e-3);
    }
  }

  Tensor total(const json& j, const Terms& t) const {
    return t.losses.at("L3") + float(j["lambda_cat"]) * t.losses.at("L1") + float(j["lambda_ctx"]) * t.losses.at("L2") +
           float(j["lambda_orth"]) * t.losses.at("L_orth");
  }
  void expect_terms(const json& expected, Terms t, const Tensor& sum) const {
    t.losses["total"] = sum;
    for (const auto& [name, value] : expected.items())
      expect_relative(t.losses.at(name).item(), value, 1e-5, name, 0.1);
  }

  json data_ = golden_json("decaug_losses.json");
  std::uint64_t seed_ = data_["seed"];
};

TEST_P(DecAugLosses, TheAuthorsReading) {
  for (const json& j : data_["cases"]) {
    SCOPED_TRACE(std::string(j["tag"]));
    const Heads h = heads(j);
    const json &expected = j["official"], &forward = expected["forward"];
    const Terms t = decaug_terms(h, targets(j["y"], j["C"]), targets(j["k"], j["K"]), {.orth_eps = j["orth_eps"]},
                                 BranchActivation::kNone, j["aug_eps"], alphas(j["alpha"]));
    const Tensor sum = total(j, t);
    expect_terms(expected["terms"], t, sum);
    const std::map<std::string, Tensor> values = {{"p1", t.p1},
                                                  {"p2", t.p2},
                                                  {"a1", t.a1},
                                                  {"a2", t.a2},
                                                  {"g1", t.g1},
                                                  {"g2", t.g2},
                                                  {"cosine", t.angles.cosine},
                                                  {"delta", t.delta},
                                                  {"augmented_a2", t.augmented},
                                                  {"fused_logits", t.fused}};
    for (const auto& [name, value] : forward.items()) expect_numbers(values.at(name), value, 1e-4, name);
    expect_gradients(h, sum, expected["gradients_of_total"], "total");
    expect_gradients(h, t.losses.at("L_orth"), expected["gradients_of_L_orth"], "L_orth");
    for (const auto& [name, value] : expected["gradient_to_z"].items())
      expect_gradients(h, t.losses.at(name), {{"z", value}}, name);
    for (const auto& [name, norms] : expected["gradient_norms"].items()) {
      const Tensor& term = name == "total" ? sum : t.losses.at(name);
      for (const auto& [symbol, norm] : norms.items()) {
        const Tensor gradient = grad({term}, {h.tensors().at(symbol)}, {.retain_graph = true, .allow_unused = true})[0];
        expect_relative(gradient.defined() ? norm_of(gradient) : 0, norm, 1e-4, name + " to " + symbol, 1e-3);
      }
    }
    // No gradient of the orthogonal term reaches what is below the branches, to the last bit.
    EXPECT_FALSE(grad({t.losses.at("L_orth")}, {h.z, h.u1.weight}, {.allow_unused = true})[0].defined());
  }
}

TEST_P(DecAugLosses, ThePapersReadingThroughLiveSoftmaxes) {
  for (const json& j : data_["cases"])
    for (const auto& [name, expected] : j["full_mode_oracle"].items()) {
      SCOPED_TRACE(std::string(j["tag"]) + " " + name);
      const Heads h = heads(j);
      const DecAugReading reading{.sum = expected["orth_reduction"] == "sum",
                                  .full = true,
                                  .double_softmax = expected["aux_ce"] == "double",
                                  .orth_eps = j["orth_eps"]};
      const Terms t = decaug_terms(h, targets(j["y"], j["C"]), targets(j["k"], j["K"]), reading,
                                   BranchActivation::kNone, j["aug_eps"], alphas(expected["alpha"]));
      const Tensor sum = total(j, t);
      expect_terms(expected["terms"], t, sum);
      expect_numbers(t.angles.cosine, expected["cosine"], 1e-4, "cosine");
      expect_numbers(t.fused, expected["fused_logits"], 1e-4, "fused logits");
      expect_gradients(h, sum, expected["gradients_of_total"], "total");
      expect_gradients(h, t.losses.at("L_orth"), expected["gradients_of_L_orth"], "L_orth");
    }
}

TEST_P(DecAugLosses, BranchesWithAnActivation) {
  for (const json& j : data_["cases"])
    for (const auto& [name, expected] : j["mlp_branch_oracle"].items()) {
      SCOPED_TRACE(std::string(j["tag"]) + " " + name);
      ASSERT_TRUE(name == "tanh" || name == "relu") << name;
      const Heads h = heads(j);
      const DecAugReading reading{.full = true, .double_softmax = false, .orth_eps = j["orth_eps"]};
      const Terms t = decaug_terms(h, targets(j["y"], j["C"]), targets(j["k"], j["K"]), reading,
                                   name == "tanh" ? BranchActivation::kTanh : BranchActivation::kRelu, j["aug_eps"],
                                   alphas(j["alpha"]));
      for (const auto& [loss, value] : expected["terms"].items())
        expect_relative(t.losses.at(loss).item(), value, 1e-5, loss, 0.1);
      expect_numbers(t.angles.cosine, expected["cosine"], 1e-4, "cosine");
      expect_gradients(h, t.losses.at("L_orth"), expected["gradients_of_L_orth"], "L_orth");
    }
}

TEST_P(DecAugLosses, ClosedFormsAreTheLiteralSecondOrderPath) {
  const json& j = data_["cases"][0];
  for (const BranchActivation activation :
       {BranchActivation::kNone, BranchActivation::kTanh, BranchActivation::kRelu}) {
    const Heads h = heads(j);
    const Tensor y = targets(j["y"], j["C"]), k = targets(j["k"], j["K"]);
    const DecAugReading reading{.full = true, .orth_eps = j["orth_eps"]};
    const Terms t = decaug_terms(h, y, k, reading, activation, 1, alphas(j["alpha"]));
    // Gradients of the summed cross entropies to z with their graph kept.
    const auto literal = [&](const Linear& u, const Linear& v, const Tensor& labels) {
      const Tensor before = u.forward(h.z);
      const Tensor a = activation == BranchActivation::kTanh   ? tanh(before)
                       : activation == BranchActivation::kRelu ? relu(before)
                                                               : before;
      const Tensor loss = float(labels.dim(0)) * softmax_cross_entropy_soft(v.forward(a), labels);
      return grad({loss}, {h.z}, {.create_graph = true})[0];
    };
    const Tensor g1 = literal(h.u1, h.v1, y), g2 = literal(h.u2, h.v2, k);
    const Tensor term = orthogonal_term(gradient_angles(g1, g2, reading.orth_eps), true);
    std::vector<Tensor> tensors;
    for (const auto& [symbol, tensor] : h.tensors())
      if (symbol != "W" && symbol != "d") tensors.push_back(tensor);
    const auto expected = grad({term}, tensors, {.allow_unused = true});
    const auto got = grad({t.losses.at("L_orth")}, tensors, {.allow_unused = true});
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      ASSERT_EQ(got[i].defined(), expected[i].defined());
      if (got[i].defined()) expect_numbers(got[i], json(expected[i].to_vector()), 1e-3, "gradient", 1e-3);
    }
  }
}

TEST_P(DecAugLosses, TwoClassesAndTwoContextsGiveTheBackboneNoOrthogonalGradient) {
  for (const json& j : data_["cases"]) {
    if (j["C"] != 2 || j["K"] != 2) continue;
    const Heads h = heads(j);
    const Terms t = decaug_terms(h, targets(j["y"], 2), targets(j["k"], 2), {.full = true, .orth_eps = 1e-8},
                                 BranchActivation::kNone, 1, alphas(j["alpha"]));
    const std::vector<float> cosines = t.angles.cosine.to_vector();
    for (const float cosine : cosines) EXPECT_NEAR(std::abs(cosine), std::abs(cosines[0]), 1e-5);
    const std::vector<Tensor> gradients = grad({t.losses.at("L_orth")}, {h.z, h.u1.weight});
    EXPECT_LT(norm_of(gradients[0]), 1e-5 * norm_of(gradients[1]));
  }
}

/// Two samples whose results were worked out in float64, apart from the stored values.
TEST_P(DecAugLosses, AnExampleOfFewDigits) {
  const json names = {{"z", "z"},   {"U1", "U1"}, {"b1", "b1"}, {"V1", "V1"}, {"c1", "c1"}, {"U2", "U2"},
                      {"b2", "b2"}, {"V2", "V2"}, {"c2", "c2"}, {"W", "W"},   {"d", "d"}};
  const Heads h({{"B", 2}, {"D", 3}, {"F", 2}, {"C", 3}, {"K", 2}, {"names", names}}, 0, device());
  const std::map<std::string, std::vector<float>> values = {
      {"z", {1, -0.5f, 0.25f, 0.3f, 0.8f, -1.2f}},
      {"U1", {0.5f, -0.2f, 0.1f, 0.3f, 0.4f, -0.6f}},
      {"b1", {0.1f, -0.1f}},
      {"V1", {0.7f, -0.3f, -0.4f, 0.5f, 0.2f, 0.6f}},
      {"c1", {0, 0.1f, -0.2f}},
      {"U2", {-0.3f, 0.6f, 0.2f, 0.1f, -0.5f, 0.4f}},
      {"b2", {0.05f, 0.2f}},
      {"V2", {0.8f, 0.1f, -0.2f, 0.9f}},
      {"c2", {0.1f, -0.1f}},
      {"W", {0.2f, -0.1f, 0.4f, 0.3f, -0.5f, 0.6f, 0.1f, -0.2f, 0.3f, 0.2f, -0.3f, 0.5f}},
      {"d", {0.05f, -0.05f, 0}}};
  for (const auto& [symbol, tensor] : h.tensors())
    copy_into(tensor, Tensor::from(values.at(symbol), tensor.shape(), device()));
  const Tensor y = targets({0, 2}, 3), k = targets({1, 0}, 2);
  const auto terms_of = [&](const DecAugReading& reading, BranchActivation activation) {
    return decaug_terms(h, y, k, reading, activation, 1, alphas(0.5));
  };
  const json j = {{"lambda_cat", 0.01}, {"lambda_ctx", 0.01}, {"lambda_orth", 0.01}};

  const Terms official = terms_of({.orth_eps = 0}, BranchActivation::kNone);
  expect_numbers(official.g1, {-0.0654436767, 0.2410222245, -0.2857763075, -0.1541510179, -0.0441251652, 0.1034360998},
                 1e-5, "g1");
  expect_numbers(official.g2, {-0.1161901908, 0.3057636599, -0.0366916392, 0.1082839998, -0.2849578943, 0.0341949473},
                 1e-5, "g2");
  expect_numbers(official.angles.norm1, {0.3795295581, 0.1908103594}, 1e-5, "norm of g1");
  expect_numbers(official.angles.norm2, {0.3291471594, 0.3067502576}, 1e-5, "norm of g2");
  expect_numbers(official.angles.cosine, {0.7347467290, -0.0099311712}, 1e-5, "cosine", 0.1);
  expect_numbers(official.augmented, {-0.1095655953, 0.3376524762, -0.1904344047, -0.3376524762}, 1e-5, "augmented");
  const Tensor total = this->total(j, official);
  expect_terms({{"L1", 0.9977229880114991},
                {"L2", 0.5093539382072727},
                {"L_orth", 0.5399513839157074},
                {"L3", 1.088925260095629},
                {"total", 1.109395543196974}},
               official, total);
  expect_gradients(h, official.losses.at("L_orth"),
                   {{"U1", {0.3385949306, -0.6961454600, -0.6456409503, -0.3547246852, 0.7199131980, 0.7091838932}},
                    {"V1", {0.2960206813, 0.2837762100, -0.1599202027, -0.1143612672, -0.1361004785, -0.1694149428}},
                    {"U2", {0.1038326225, -0.0692698235, -0.9060518333, -0.0830660980, 0.0554158588, 0.7248414666}},
                    {"V2", {-0.2539220475, -0.3174025593, 0.2539220475, 0.3174025593}}},
                   "L_orth");
  expect_gradients(h, total,
                   {{"z", {0.0728532722, -0.0503118141, -0.1143231269, -0.1564116601, 0.2708671810, -0.1056621739}},
                    {"U1", {-0.0973008106, -0.1570805668, 0.2374136661, 0.1427088253, -0.0011203533, -0.0433240400}},
                    {"V2", {-0.0031287043, -0.0020945192, 0.0031287043, 0.0020945192}}},
                   "total");

  const Terms paper =
      terms_of({.sum = false, .full = true, .double_softmax = false, .orth_eps = 0}, BranchActivation::kNone);
  expect_terms({{"L1", 0.8307638916964676},
                {"L2", 0.35017833883608807},
                {"L_orth", 0.2699756919578537},
                {"total", 1.103434439320533}},
               paper, this->total(j, paper));
  // Of the sum.
  expect_gradients(h, 2.0f * paper.losses.at("L_orth"),
                   {{"U1", {0.3043401916, -0.6883707766, -0.6416523459, -0.3577935764, 0.7282495971, 0.6992877328}},
                    {"b1", {-0.0411461919, 0.0019430745}},
                    {"c1", {-0.0089499388, 0.0611187042, -0.0521687654}},
                    {"z", {-0.0172156926, 0.0041735012, 0, -0.0027744810, 0.0048329669, -0.0052804639}}},
                   "L_orth, full");

  const Terms curved = terms_of({.full = true, .orth_eps = 0}, BranchActivation::kTanh);
  expect_numbers(curved.angles.cosine, {0.6276880671, -0.3028358427}, 1e-5, "cosine with tanh");
  expect_terms({{"L_orth", 0.4857018571496973}}, curved, {});
}

TEST_P(DecAugLosses, TheBoundaryOfTwoContextsIsWhereTheirLogitsAreEqual) {
  for (const json& j : data_["cases"]) {
    const Heads h = heads(j);
    const Tensor a2 = h.u2.forward(h.z), logits = h.v2.forward(a2);
    const std::vector<float> o = logits.to_vector(), v = h.v2.weight.to_vector();
    const std::vector<float> distance = boundary_distance(logits, h.v2).to_vector();
    const std::size_t contexts = std::size_t(logits.dim(1)), width = v.size() / contexts;
    for (std::size_t n = 0; n < distance.size(); ++n) {
      double nearest = 1e30;
      const float* row = o.data() + n * contexts;
      const std::size_t best = std::size_t(std::max_element(row, row + contexts) - row);
      for (std::size_t c = 0; c < contexts; ++c) {
        if (c == best) continue;
        double apart = 0;
        for (std::size_t i = 0; i < width; ++i) apart += std::pow(double(v[best * width + i] - v[c * width + i]), 2);
        nearest = std::min(nearest, double(row[best] - row[c]) / std::sqrt(apart));
      }
      expect_relative(distance[n], nearest, 1e-5, "distance");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, DecAugLosses, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace engram::testing
