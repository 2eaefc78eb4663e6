/// Losses on feature maps, against released code in float64 (tests/golden/distillation_losses.json).

#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "engine/ops/margin_error.h"
#include "engine/ops/spatial_attention.h"
#include "models/methods/distillation/attention_distance.h"
#include "models/methods/distillation/factor_distance.h"
#include "models/methods/distillation/fitnet.h"
#include "models/methods/distillation/negative_margins.h"
#include "models/methods/distillation/od.h"
#include "models/methods/distillation/paraphraser.h"
#include "models/methods/distillation/relations.h"
#include "tests/models/distillation_entries.h"
#include "tests/support/golden.h"

namespace engram::testing {
namespace {

Outcome fitnet(GoldenEntry& e, StoredLosses&) {
  HintRegressor regressor(e.input("f_s").shape(), e.input("f_t").shape(), e.device());
  e.fill(regressor, e.id() + ".regress.");
  return {mse(regressor.forward(e.input("f_s")), e.input("f_t"))};
}

Outcome at_stages(GoldenEntry& e, StoredLosses&) {
  return sum_of_stages(e, attention_distance);
}

Outcome at_literal(GoldenEntry& e, StoredLosses&) {
  const auto& channels = e.json()["inputs"][0]["literal"];
  std::vector<float> values;
  for (const auto& channel : channels)
    for (const float value : channel) values.push_back(value);
  const dim_t side = dim_t(std::sqrt(double(channels[0].size())));
  const Tensor map = spatial_attention(Tensor::from(values, {1, dim_t(channels.size()), side, side}, e.device()));
  e.part("A", first_values(map));
  return {};
}

/// Names of the two released paraphrasers.
std::string repdistiller_paraphraser(const std::string& name) {
  std::smatch match;
  if (!std::regex_match(name, match, std::regex("(de)?conv(\\d)\\.(.*)"))) return name;
  return std::string(match[1].matched ? "decoder." : "encoder.") + std::to_string(3 * std::stoi(match[2])) + "." +
         match[3].str();
}

Outcome ft_official(GoldenEntry& e, StoredLosses& all) {
  const Tensor f_s = e.input("f_s"), f_t = e.input("f_t");
  const dim_t width = rows_of(e, "modules", "conv1.weight");
  Paraphraser paraphraser(f_t.dim(1), width, e.device());
  fill_frozen(
      paraphraser, [&](const std::string& name) { return e.id() + ".paraphraser." + name; }, all);
  Translator translator(f_s.dim(1), width, e.device());
  e.fill(translator, e.id() + ".translator.");
  return {factor_distance(translator.forward(f_s), paraphraser.encode(f_t))};
}

Outcome ft_reconstruction(GoldenEntry& e, StoredLosses&) {
  const Tensor f_t = e.input("f_t");
  Paraphraser paraphraser(f_t.dim(1), rows_of(e, "modules", ".conv1.weight"), e.device());
  e.fill(paraphraser, e.id() + ".paraphraser.");
  return {reconstruction_distance(paraphraser.reconstruct(f_t), f_t)};
}

Tensor attention_of_factors(const Tensor& s, const Tensor& t) {
  return mean(abs(spatial_attention(s) - spatial_attention(t)));
}

Outcome ft_factor(GoldenEntry& e, StoredLosses&) {
  return {attention_of_factors(e.input("f_s"), e.input("f_t"))};
}

Outcome ft_translator(GoldenEntry& e, StoredLosses& all) {
  const Tensor f_s = e.input("f_s"), f_t = e.input("f_t");
  const dim_t width = rows_of(e, "modules", "encoder.3.weight");
  Paraphraser paraphraser(f_t.dim(1), width, e.device());
  fill_frozen(
      paraphraser, [&](const std::string& name) { return e.id() + ".paraphraser." + repdistiller_paraphraser(name); },
      all);
  Translator translator(f_s.dim(1), width, e.device(), true);
  e.fill(translator, e.id() + ".translator.");
  return {attention_of_factors(translator.forward(f_s), paraphraser.encode(f_t))};
}

Outcome od_margins(GoldenEntry& e, StoredLosses&) {
  for (const auto& row : e.json()["parts"]["table"]) {
    BatchNorm2d bn(1, e.device());
    bn.load_state({{"weight", Tensor::from(std::vector<float>{row["gamma"].get<float>()}, {1})},
                   {"bias", Tensor::from(std::vector<float>{row["bias"].get<float>()}, {1})},
                   {"running_mean", Tensor::zeros({1})},
                   {"running_var", Tensor::ones({1})}});
    expect_relative(negative_margins(bn).item(), row["margin"], 1e-6, e.id());
  }
  e.skip_part("table");
  return {};
}

Outcome od_margins_of_bn(GoldenEntry& e, StoredLosses&) {
  const Tensor weight = e.input(e.id() + ".bn.weight"), bias = e.input(e.id() + ".bn.bias");
  BatchNorm2d bn(weight.dim(0), e.device());
  bn.load_state({{"weight", weight},
                 {"bias", bias},
                 {"running_mean", Tensor::zeros(weight.shape())},
                 {"running_var", Tensor::ones(weight.shape())}});
  e.part("margin", first_values(negative_margins(bn)));
  return {};
}

Outcome od_partial(GoldenEntry& e, StoredLosses&) {
  return {margin_error(e.input("s"), e.input("t"), flatten(e.input("m"), 0))};
}

/// "name: weight range [a,b], bias range [c,d]".
GoldenEntry::Ranges ranges_in(const std::string& text, const std::string& prefix) {
  std::smatch m;
  const std::string number = "(-?[0-9.]+)";
  if (!std::regex_search(text, m,
                         std::regex("weight range \\[" + number + "," + number + "\\], bias range \\[" + number + "," +
                                    number + "\\]")))
    throw std::runtime_error("no ranges in " + text);
  return {{prefix + "weight", {std::stod(m[1]), std::stod(m[2])}},
          {prefix + "bias", {std::stod(m[3]), std::stod(m[4])}}};
}

Outcome od_full(GoldenEntry& e, StoredLosses& all) {
  const auto stages = stages_of(e);
  std::vector<std::unique_ptr<OdConnector>> connectors;
  std::vector<double> distances;
  Tensor total;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const auto& [s, t] = stages[i];
    BatchNorm2d bn(t.dim(1), e.device());
    const std::string prefix = e.id() + ".teacher_bn" + std::to_string(i + 1) + ".";
    bn.load_state(formula_state(
        bn, all.seed, [&](const std::string& name) { return prefix + name; },
        ranges_in(e.json()["constants"]["teacher_bn"], prefix)));
    connectors.push_back(std::make_unique<OdConnector>(s.dim(1), t.dim(1), e.device()));
    e.fill(*connectors.back(), e.id() + ".Connectors." + std::to_string(i) + ".");
    const Tensor d = margin_error(connectors.back()->forward(s), t, flatten(negative_margins(bn), 0));
    distances.push_back(d.item());
    const double weight = std::ldexp(1.0, -int(stages.size() - 1 - i)) / 1000 / double(s.dim(0));
    total = total.defined() ? total + float(weight) * d : float(weight) * d;
  }
  e.part("d", distances);
  return {total};
}

Outcome ab(GoldenEntry& e, StoredLosses&) {
  std::vector<Tensor> s, t;
  std::vector<double> values;
  for (const auto& [student, teacher] : stages_of(e)) s.push_back(student), t.push_back(teacher);
  for (std::size_t i = 0; i < s.size(); ++i)
    values.push_back(std::ldexp(boundary_distance({s[i]}, {t[i]}).item(), -int(s.size() - 1 - i)));
  e.part("stages", values);
  return {boundary_distance(s, t)};
}

Outcome nst(GoldenEntry& e, StoredLosses&) {
  Outcome o = sum_of_stages(e, selectivity_distance);
  // Three means of squares cancel to a tenth of their size.
  o.tolerance = 2e-5;
  return o;
}

Outcome fsp(GoldenEntry& e, StoredLosses&) {
  std::vector<double> values;
  Tensor total;
  for (int i = 0; e.has_input("s" + std::to_string(i + 1)); ++i) {
    const std::string a = std::to_string(i), b = std::to_string(i + 1);
    const Tensor stage = flow_distance(e.input("s" + a), e.input("s" + b), e.input("t" + a), e.input("t" + b));
    values.push_back(stage.item());
    total = total.defined() ? total + stage : stage;
  }
  e.part("stages", values);
  return {total};
}

class MapLosses : public ::testing::TestWithParam<std::string> {};

TEST_P(MapLosses, AreThoseOfTheReleasedCode) {
  expect_stored_losses(map_losses(), parse_device(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Devices, MapLosses, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return info.param; });

}  // namespace

std::vector<LossKind> map_losses() {
  return {
      {"fitnet.", fitnet},
      {"at.spec_vector", at_literal},
      {"at.", at_stages},
      {"ft.official", ft_official},
      {"ft.paraphraser_rec", ft_reconstruction},
      {"ft.repdistiller_factor", ft_factor},
      {"ft.repdistiller_translator", ft_translator},
      {"od.margin_table", od_margins},
      {"od.margin_bn", od_margins_of_bn},
      {"od.partial_l2", od_partial},
      {"od.full", od_full},
      {"ab", ab},
      {"nst", nst},
      {"fsp", fsp},
  };
}

}  // namespace engram::testing
