/// The losses of IE-KD: inheriting and exploring halves, against released code in float64
/// (tests/golden/distillation_losses.json).

#include <gtest/gtest.h>

#include <regex>

#include "engine/ops/margin_error.h"
#include "models/methods/distillation/attention_distance.h"
#include "models/methods/distillation/channel_halves.h"
#include "models/methods/distillation/coder.h"
#include "models/methods/distillation/factor_distance.h"
#include "models/methods/distillation/od.h"
#include "models/methods/distillation/paraphraser.h"
#include "tests/models/distillation_entries.h"

namespace engram::testing {
namespace {

bool negative(const GoldenEntry& e) {
  return std::regex_search(e.code(), std::regex("negative=True|, True\\)"));
}

Outcome ie_norm(GoldenEntry& e, StoredLosses&) {
  const Tensor d = factor_distance(e.input("s"), e.input("t"), e.constant("p"));
  return {negative(e) ? neg(d) : d};
}

Outcome ie_ft_loss(GoldenEntry& e, StoredLosses&) {
  return {factor_distance(e.input("s"), e.input("t"))};
}

Outcome ie_cos(GoldenEntry& e, StoredLosses&) {
  return {cosine_distance(e.input("s"), e.input("t"), negative(e))};
}

Outcome ie_ddt(GoldenEntry& e, StoredLosses&) {
  const Tensor inherited = factor_distance(e.input("inh"), e.input("t")),
               explored = factor_distance(e.input("exp"), e.input("t"));
  return {inherited - explored, inherited.item()};
}

Outcome ie_reconstruction(GoldenEntry& e, StoredLosses&) {
  return {reconstruction_distance(e.input("y"), e.input("x"), e.constant("norm"))};
}

Outcome ie_equal(GoldenEntry& e, StoredLosses&) {
  const Tensor d = factor_distance(e.input("s"), e.input("s"), number_in(e.code(), "NormLoss\\(([0-9.]+)"));
  return {negative(e) ? neg(d) : d};
}

Outcome ie_literal(GoldenEntry& e, StoredLosses&) {
  const auto& given = e.json()["inputs"][0];
  return {factor_distance(e.literal_input("a", given["literal_a"]), literal_row(given["literal_b"], e.device()),
                          number_in(e.code(), "NormLoss\\(([0-9.]+)"))};
}

Outcome ie_composite(GoldenEntry& e, StoredLosses& all) {
  const Tensor f_s = e.input("f_s"), f_t = e.input("f_t");
  const dim_t width = dim_t(e.constant("factor"));
  const ChannelHalves halves("test", f_s.dim(1), {}, true, true, 1, e.device());
  AutoEncoder teacher(f_t.dim(1), width, e.device());
  fill_frozen(
      teacher, [&](const std::string& name) { return e.id() + ".embedS." + name; }, all);
  Coder inherit(halves.inherited(), width, e.device()), explore(halves.explored(), width, e.device());
  e.fill(inherit, e.id() + ".embedTI.");
  e.fill(explore, e.id() + ".embedTE.");
  teacher.eval();
  const Tensor factor = teacher.encode(f_t);
  const auto [first, second] = halves(f_s);
  const Tensor l_inh = factor_distance(inherit.forward(first), factor),
               l_exp = neg(factor_distance(explore.forward(second), factor));
  e.part("L_inh", l_inh);
  e.part("L_exp", l_exp);
  e.part("factor_t_first8", first_values(factor));
  const double a = e.constant("lambda_inh"), b = e.constant("lambda_exp");
  return {float(a) * l_inh + float(b) * l_exp, a * l_inh.item()};
}

Outcome ie_auto_encoder(GoldenEntry& e, StoredLosses&) {
  const Tensor f_t = e.input("f_t");
  const bool batch_norm = e.code().find("use_bn=False") == std::string::npos;
  dim_t width = 0;
  for (const auto& m : e.json()["modules"])
    if (m["name"].get<std::string>().ends_with(batch_norm ? "encoder.layers.4.weight" : "encoder.layers.2.weight"))
      width = m["shape"][0];
  auto ae = std::make_unique<AutoEncoder>(f_t.dim(1), width, e.device(), batch_norm);
  e.fill(*ae, e.id() + ".embedS.");
  const Tensor factor = ae->encode(f_t), back = ae->reconstruct(f_t);
  e.part("factor_first8", first_values(factor));
  e.part("rec_first8", first_values(back));
  return {reconstruction_distance(back, f_t)};
}

Outcome ie_at(GoldenEntry& e, StoredLosses&) {
  std::vector<double> inherited, explored;
  Tensor total;
  for (const auto& [s, t] : stages_of(e)) {
    const auto [first, second] = ChannelHalves("test", s.dim(1), {}, true, true, 1, e.device())(s);
    const Tensor a = attention_distance(first, t), b = neg(attention_distance(second, t));
    inherited.push_back(a.item());
    explored.push_back(b.item());
    total = total.defined() ? total + a + b : a + b;
  }
  e.part("L_inh", inherited);
  e.part("L_exp", explored);
  const double beta = e.constant("beta");
  double scale = 0;
  for (const double value : inherited) scale += beta * value;
  return {float(beta) * total, scale};
}

Outcome ie_od(GoldenEntry& e, StoredLosses&) {
  const Tensor s = e.input("s"), t = e.input("t"), m = e.input("m");
  const ChannelHalves halves("test", s.dim(1), {}, true, true, 1, e.device());
  OdConnector inherit(halves.inherited(), t.dim(1), e.device()), explore(halves.explored(), t.dim(1), e.device());
  e.fill(inherit, e.id() + ".connector_inh.");
  e.fill(explore, e.id() + ".connector_exp.");
  const auto [first, second] = halves(s);
  const Tensor partial = margin_error(inherit.forward(first), t, flatten(m, 0));
  const Tensor away = neg(factor_distance(explore.forward(second), maximum(t, m)));
  e.part("inh_partial_l2", partial);
  e.part("L_exp", away);
  const double lambda = e.constant("lambda_exp"), share = 1 / 1000.0 / double(s.dim(0));
  return {float(share) * partial + float(lambda) * away, share * partial.item()};
}

class IeLosses : public ::testing::TestWithParam<std::string> {};

TEST_P(IeLosses, AreThoseOfTheReleasedCode) {
  expect_stored_losses(ie_losses(), parse_device(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Devices, IeLosses, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return info.param; });

}  // namespace

std::vector<LossKind> ie_losses() {
  return {
      {"ie.norm_p", ie_norm},
      {"ie.ft_loss", ie_ft_loss},
      {"ie.cos", ie_cos},
      {"ie.ddt", ie_ddt},
      {"ie.rec_ae", ie_auto_encoder},
      {"ie.rec_p", ie_reconstruction},
      {"ie.equal", ie_equal},
      {"ie.spec_vector", ie_literal},
      {"ie.composite", ie_composite},
      {"ie_at.", ie_at},
      {"ie_od.", ie_od},
  };
}

}  // namespace engram::testing
