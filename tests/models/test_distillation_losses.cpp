/// The distillation losses against released code in float64 (tests/golden/distillation_losses.json; the form of its
/// entries is that of tests/golden/README.md).

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "engine/ops/margin_error.h"
#include "engine/ops/spatial_attention.h"
#include "models/methods/distillation/alignment.h"
#include "models/methods/distillation/attention_distance.h"
#include "models/methods/distillation/channel_halves.h"
#include "models/methods/distillation/coder.h"
#include "models/methods/distillation/contrast_memory.h"
#include "models/methods/distillation/ensemble_gate.h"
#include "models/methods/distillation/factor_distance.h"
#include "models/methods/distillation/fitnet.h"
#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/label_targets.h"
#include "models/methods/distillation/linear_embed.h"
#include "models/methods/distillation/negative_margins.h"
#include "models/methods/distillation/od.h"
#include "models/methods/distillation/paraphraser.h"
#include "models/methods/distillation/peers.h"
#include "models/methods/distillation/relations.h"
#include "models/methods/distillation/variational_bound.h"
#include "models/nets/make_network.h"
#include "tests/support/golden.h"
#include "tests/support/golden_entry.h"
#include "tests/support/named_formula.h"

namespace engram::testing {
namespace {

using nlohmann::json;

/// What entries share: the file, and objects that live through several entries.
struct Losses {
  const json file = golden_json("distillation_losses.json");
  std::uint64_t seed = file["seed"];
  std::map<std::string, std::unique_ptr<ContrastMemory>> memories;
};

/// What came out, how exact it can be, and what the value's error relates to when parts cancel.
struct Outcome {
  Tensor loss;
  double scale = 0;
  double tolerance = 1e-5;
};

bool negative(const GoldenEntry& e) {
  return std::regex_search(e.code(), std::regex("negative=True|, True\\)"));
}

Tensor labels_of(GoldenEntry& e, Losses& all) {
  return e.labels(all.file["labels"]);
}

/// The symbols s1, t1, s2, t2, ... of an entry.
std::vector<std::pair<Tensor, Tensor>> stages_of(GoldenEntry& e) {
  std::vector<std::pair<Tensor, Tensor>> stages;
  for (int i = 1; e.has_input("s" + std::to_string(i)); ++i)
    stages.push_back({e.input("s" + std::to_string(i)), e.input("t" + std::to_string(i))});
  return stages;
}

Tensor literal(const json& values, const Device& device) {
  const auto list = values.get<std::vector<float>>();
  return Tensor::from(list, {1, dim_t(list.size())}, device);
}

/// Sum of a distance over the stages, whose values are the part "stages".
Outcome sum_of_stages(GoldenEntry& e, Tensor (*distance)(const Tensor&, const Tensor&)) {
  Tensor total;
  std::vector<double> values;
  for (const auto& [s, t] : stages_of(e)) {
    const Tensor stage = distance(s, t);
    values.push_back(stage.item());
    total = total.defined() ? total + stage : stage;
  }
  e.part("stages", values);
  return {total};
}

// --- IE-KD.

Outcome ie_norm(GoldenEntry& e, Losses&) {
  const Tensor d = factor_distance(e.input("s"), e.input("t"), e.constant("p"));
  return {negative(e) ? neg(d) : d};
}

Outcome ie_ft_loss(GoldenEntry& e, Losses&) {
  return {factor_distance(e.input("s"), e.input("t"))};
}

Outcome ie_cos(GoldenEntry& e, Losses&) {
  return {cosine_distance(e.input("s"), e.input("t"), negative(e))};
}

Outcome ie_ddt(GoldenEntry& e, Losses&) {
  const Tensor inherited = factor_distance(e.input("inh"), e.input("t")),
               explored = factor_distance(e.input("exp"), e.input("t"));
  return {inherited - explored, inherited.item()};
}

Outcome ie_reconstruction(GoldenEntry& e, Losses&) {
  return {reconstruction_distance(e.input("y"), e.input("x"), e.constant("norm"))};
}

Outcome ie_equal(GoldenEntry& e, Losses&) {
  std::smatch p;
  const std::string code = e.code();
  if (!std::regex_search(code, p, std::regex("NormLoss\\((\\d+)"))) throw std::runtime_error("no p in " + code);
  const Tensor d = factor_distance(e.input("s"), e.input("s"), std::stod(p[1]));
  return {negative(e) ? neg(d) : d};
}

Outcome ie_literal(GoldenEntry& e, Losses&) {
  const auto& given = e.json()["inputs"][0];
  return {factor_distance(e.literal_input("a", given["literal_a"]), literal(given["literal_b"], e.device()))};
}

std::vector<double> first_values(const Tensor& x) {
  const std::vector<float> values = x.to_vector();
  return {values.begin(), values.end()};
}

/// A frozen module: filled, with no gradient to compare.
void fill_frozen(Module& module, const GoldenEntry::Rename& rename, const Losses& all) {
  module.load_state(formula_state(module, all.seed, rename));
  module.set_requires_grad(false);
}

Outcome ie_composite(GoldenEntry& e, Losses& all) {
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

Outcome ie_auto_encoder(GoldenEntry& e, Losses&) {
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

// --- Logits.

Outcome cross_entropy(GoldenEntry& e, Losses& all) {
  return {softmax_cross_entropy(e.input("z_s"), labels_of(e, all))};
}

Outcome kl_at_tau(GoldenEntry& e, Losses&) {
  return {kd_term(e.input("z_s"), e.input("z_t"), e.constant("tau"))};
}

Outcome kd_mixed(GoldenEntry& e, Losses& all) {
  const double alpha = e.constant("alpha");
  return {float(1 - alpha) * softmax_cross_entropy(e.input("z_s"), labels_of(e, all)) +
          float(alpha) * kd_term(e.input("z_s"), e.input("z_t"), e.constant("tau"))};
}

Outcome tf_kd_self(GoldenEntry& e, Losses& all) {
  const double alpha = e.constant("alpha"), times = e.json()["constants"].value("multiplier", 1.0);
  return {float(1 - alpha) * softmax_cross_entropy(e.input("z_s"), labels_of(e, all)) +
          float(alpha * times) * mean_kd_term(e.input("z_s"), e.input("z_t"), e.constant("tau"))};
}

Outcome tf_kd_reg(GoldenEntry& e, Losses& all) {
  const double alpha = e.constant("alpha"), times = e.json()["constants"].value("multiplier", 1.0);
  const Tensor labels = labels_of(e, all);
  return {float(1 - alpha) * softmax_cross_entropy(e.input("z_s"), labels) +
          float(alpha * times) * virtual_teacher_term(e.input("z_s"), labels, e.constant("tau"))};
}

Outcome label_smoothing(GoldenEntry& e, Losses& all) {
  return {smoothed_cross_entropy(e.input("z_s"), labels_of(e, all))};
}

Outcome kd_literal(GoldenEntry& e, Losses&) {
  const auto& inputs = e.json()["inputs"][0];
  const Tensor student = e.literal_input("z_s", inputs["z_s"]), teacher = literal(inputs["z_t"], e.device());
  std::smatch tau;
  const std::string code = e.code();
  std::regex_search(code, tau, std::regex("\\((\\d+)\\)"));
  const double t = std::stod(tau[1]);
  const Tensor loss = kd_term(student, teacher, t);
  e.part("KL", loss * float(1 / (t * t)));
  return {loss};
}

Outcome mutual(GoldenEntry& e, Losses&) {
  return {mutual_term(e.input("z_s"), {e.input("z_t")})};
}

Outcome mutual_of_three(GoldenEntry& e, Losses& all) {
  std::vector<Tensor> peers;
  for (int i = 2; e.has_input("z" + std::to_string(i)); ++i) peers.push_back(e.input("z" + std::to_string(i)));
  const Tensor ce = softmax_cross_entropy(e.input("z1"), labels_of(e, all)), kl = mutual_term(e.input("z1"), peers);
  e.part("ce", ce);
  e.part("kl_mean", kl);
  return {ce + kl};
}

Outcome one_kl(GoldenEntry& e, Losses&) {
  return {ensemble_term(e.input("z_s"), e.input("z_t"))};
}

Outcome collaborative(GoldenEntry& e, Losses& all) {
  std::vector<Tensor> heads;
  for (int i = 0; i < int(e.constant("heads")); ++i) heads.push_back(e.input("z" + std::to_string(i)));
  const float beta = float(e.constant("beta"));
  std::vector<double> hard, soft;
  Tensor total;
  for (std::size_t h = 0; h < heads.size(); ++h) {
    const Tensor ce = softmax_cross_entropy(heads[h], labels_of(e, all)),
                 other = collaborative_term(heads, h, e.constant("tau"));
    hard.push_back(ce.item());
    soft.push_back(other.item());
    const Tensor head = beta * ce + (1 - beta) * other;
    total = total.defined() ? total + head : head;
  }
  e.part("hard", hard);
  e.part("soft", soft);
  return {total};
}

/// The branches' own layers have the branch's number in the released network.
std::string one_name(const std::string& name, int branch) {
  const std::string number = std::to_string(branch + 1);
  std::string renamed = std::regex_replace(name, std::regex("shortcut"), "downsample");
  renamed = std::regex_replace(renamed, std::regex("^layer3\\."), "layer3_" + number + ".");
  return std::regex_replace(renamed, std::regex("^linear\\."), "classfier3_" + number + ".");
}

Outcome one_full(GoldenEntry& e, Losses&) {
  const Tensor x = e.input("x");
  const Tensor labels = e.labels(e.json()["constants"]["labels"]);
  const std::string prefix = e.id() + ".net.", arch = "resnet" + std::to_string(int(e.constant("depth")));
  int branches = 0, classes = 0;
  dim_t channels = 0;
  for (const auto& m : e.json()["modules"]) {
    const std::string name = m["name"];
    if (name.find("classfier") != std::string::npos && name.ends_with("weight")) ++branches, classes = m["shape"][0];
    if (name.ends_with("control_v1.weight")) channels = m["shape"][1];
  }
  std::vector<std::unique_ptr<Network>> nets;
  for (int b = 0; b < branches; ++b)
    nets.push_back(make_network(arch, classes, {.device = e.device(), .image = {x.dim(1), x.dim(2), x.dim(3)}}));
  // The trunk is that of branch 0, so that its parameters are the ones to remember.
  for (int b = branches - 1; b >= 0; --b)
    e.fill(*nets[std::size_t(b)], [&](const std::string& name) { return prefix + one_name(name, b); });
  EnsembleGate gate(channels, branches, e.device());
  e.fill(gate, prefix);
  const Tensor trunk = nets[0]->forward_trunk(x, 2);
  std::vector<Tensor> logits;
  for (const auto& net : nets) logits.push_back(net->forward_from(trunk, 2, {}).logits);
  const Tensor ensemble = gate.ensemble(trunk, logits);
  std::smatch epoch;
  const std::string code = e.code();
  std::regex_search(code, epoch, std::regex("epoch (\\d+)"));
  const double weight = ensemble_weight(std::stod(epoch[1]));
  std::vector<double> ce, kl;
  Tensor total;
  for (const Tensor& z : logits) {
    const Tensor hard = softmax_cross_entropy(z, labels), soft = ensemble_term(z, ensemble);
    ce.push_back(hard.item());
    kl.push_back(soft.item());
    const Tensor branch = hard + float(weight) * soft;
    total = total.defined() ? total + branch : branch;
  }
  const Tensor own = softmax_cross_entropy(ensemble, labels);
  ce.push_back(own.item());
  e.part("ce", ce);
  e.part("kl", kl);
  e.part("weight", std::vector<double>{weight});
  e.part("logits1_row0", first_values(logits[0]));
  e.part("logits_e_row0", first_values(ensemble));
  return {total + own};
}

// --- Maps.

Outcome fitnet(GoldenEntry& e, Losses&) {
  HintRegressor regressor(e.input("f_s").shape(), e.input("f_t").shape(), e.device());
  e.fill(regressor, e.id() + ".regress.");
  return {mse(regressor.forward(e.input("f_s")), e.input("f_t"))};
}

Outcome at_stages(GoldenEntry& e, Losses&) {
  return sum_of_stages(e, attention_distance);
}

Outcome at_literal(GoldenEntry& e, Losses&) {
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

dim_t rows_of(const GoldenEntry& e, const std::string& list, const std::string& ending) {
  for (const auto& m : e.json()[list])
    if (m["name"].get<std::string>().ends_with(ending)) return m["shape"][0];
  throw std::runtime_error(e.id() + " has no " + ending);
}

Outcome ft_official(GoldenEntry& e, Losses& all) {
  const Tensor f_s = e.input("f_s"), f_t = e.input("f_t");
  const dim_t width = rows_of(e, "modules", "conv1.weight");
  Paraphraser paraphraser(f_t.dim(1), width, e.device());
  fill_frozen(
      paraphraser, [&](const std::string& name) { return e.id() + ".paraphraser." + name; }, all);
  Translator translator(f_s.dim(1), width, e.device());
  e.fill(translator, e.id() + ".translator.");
  return {factor_distance(translator.forward(f_s), paraphraser.encode(f_t))};
}

Outcome ft_reconstruction(GoldenEntry& e, Losses&) {
  const Tensor f_t = e.input("f_t");
  Paraphraser paraphraser(f_t.dim(1), rows_of(e, "modules", ".conv1.weight"), e.device());
  e.fill(paraphraser, e.id() + ".paraphraser.");
  return {reconstruction_distance(paraphraser.reconstruct(f_t), f_t)};
}

Tensor attention_of_factors(const Tensor& s, const Tensor& t) {
  return mean(abs(spatial_attention(s) - spatial_attention(t)));
}

Outcome ft_factor(GoldenEntry& e, Losses&) {
  return {attention_of_factors(e.input("f_s"), e.input("f_t"))};
}

Outcome ft_translator(GoldenEntry& e, Losses& all) {
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

Outcome od_margins(GoldenEntry& e, Losses&) {
  std::vector<double> all;
  for (const auto& row : e.json()["parts"]["table"]) {
    BatchNorm2d bn(1, e.device());
    bn.load_state({{"weight", Tensor::from(std::vector<float>{row["gamma"].get<float>()}, {1})},
                   {"bias", Tensor::from(std::vector<float>{row["bias"].get<float>()}, {1})},
                   {"running_mean", Tensor::zeros({1})},
                   {"running_var", Tensor::ones({1})}});
    expect_relative(negative_margins(bn).item(), row["margin"], 1e-6, e.id());
  }
  e.part("table", std::vector<double>(1000, 0));
  return {};
}

Outcome od_margins_of_bn(GoldenEntry& e, Losses&) {
  const Tensor weight = e.input("od.margin_bn.bn.weight"), bias = e.input("od.margin_bn.bn.bias");
  BatchNorm2d bn(weight.dim(0), e.device());
  bn.load_state({{"weight", weight},
                 {"bias", bias},
                 {"running_mean", Tensor::zeros(weight.shape())},
                 {"running_var", Tensor::ones(weight.shape())}});
  e.part("margin", first_values(negative_margins(bn)));
  return {};
}

Outcome od_partial(GoldenEntry& e, Losses&) {
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

Outcome od_full(GoldenEntry& e, Losses& all) {
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

Outcome ie_at(GoldenEntry& e, Losses&) {
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

Outcome ie_od(GoldenEntry& e, Losses&) {
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

Outcome ab(GoldenEntry& e, Losses&) {
  std::vector<Tensor> s, t;
  std::vector<double> values;
  for (const auto& [student, teacher] : stages_of(e)) s.push_back(student), t.push_back(teacher);
  for (std::size_t i = 0; i < s.size(); ++i)
    values.push_back(std::ldexp(boundary_distance({s[i]}, {t[i]}).item(), -int(s.size() - 1 - i)));
  e.part("stages", values);
  return {boundary_distance(s, t)};
}

Outcome nst(GoldenEntry& e, Losses&) {
  Outcome o = sum_of_stages(e, selectivity_distance);
  // Three means of squares cancel to a tenth of their size.
  o.tolerance = 2e-5;
  return o;
}

Outcome fsp(GoldenEntry& e, Losses&) {
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

// --- Relations.

Outcome sp(GoldenEntry& e, Losses&) {
  return {similarity_distance(e.input("f_s"), e.input("f_t"))};
}

Outcome cc(GoldenEntry& e, Losses&) {
  const dim_t width = rows_of(e, "modules", "embed_s.linear.weight");
  LinearEmbed s(e.input("f_s").dim(1), width, e.device()), t(e.input("f_t").dim(1), width, e.device());
  e.fill(s, e.id() + ".embed_s.");
  e.fill(t, e.id() + ".embed_t.");
  return {neighbour_correlation(s.forward(e.input("f_s")), t.forward(e.input("f_t")))};
}

Outcome vid(GoldenEntry& e, Losses&) {
  VariationalBound bound(e.input("f_s").dim(1), e.input("f_t").dim(1), e.device());
  const auto& range = e.json()["constants"]["log_scale_range"];
  const std::string prefix = e.id() + ".criterion.";
  e.fill(bound, [&](const std::string& name) { return prefix + name; }, {{prefix + "log_scale", {range[0], range[1]}}});
  return {bound.forward(e.input("f_s"), e.input("f_t"))};
}

Outcome rkd(GoldenEntry& e, Losses&) {
  std::smatch m;
  const std::string code = e.code();
  if (!std::regex_search(code, m, std::regex("RKDLoss\\((\\d+), (\\d+)\\)"))) throw std::runtime_error(code);
  return {std::stof(m[1]) * relational_distance(e.input("f_s"), e.input("f_t")) +
          std::stof(m[2]) * relational_angle(e.input("f_s"), e.input("f_t"))};
}

Outcome rkd_distance(GoldenEntry& e, Losses&) {
  Tensor s = e.input("f_s");
  std::smatch m;
  const std::string code = e.code();
  if (std::regex_search(code, m, std::regex("first student row multiplied by (\\d+)")))
    s = concat({slice(s, 0, 0, 1) * std::stof(m[1]), slice(s, 0, 1, s.dim(0))}, 0);
  return {relational_distance(s, e.input("f_t"))};
}

Outcome rkd_angle(GoldenEntry& e, Losses&) {
  return {relational_angle(e.input("f_s"), e.input("f_t"))};
}

Outcome pkt(GoldenEntry& e, Losses&) {
  // A mean of logarithms near 0; PyTorch's float32 is 2.3e-5 away.
  return {probability_distance(e.input("f_s"), e.input("f_t")), 0, 5e-5};
}

Outcome crd(GoldenEntry& e, Losses& all) {
  const dim_t images = dim_t(e.constant("n_data")), negatives = dim_t(e.constant("nce_k")),
              width = dim_t(e.constant("feat_dim"));
  auto& memory = all.memories[to_string(e.device())];
  if (!memory) {
    const std::vector<std::int32_t> two_classes = [&] {
      std::vector<std::int32_t> labels;
      for (dim_t i = 0; i < images; ++i) labels.push_back(std::int32_t(i % 2));
      return labels;
    }();
    memory = std::make_unique<ContrastMemory>(two_classes, 2, negatives, width, e.constant("tau"),
                                              e.constant("momentum"), e.device());
    const double bound = 1 / std::sqrt(double(width) / 3);
    StateDict state;
    for (const auto& [name, tensor] : memory->state())
      state[name] =
          name.starts_with("memory")
              ? Tensor::from(formula_between("crd." + name, all.seed, tensor.numel(), -bound, bound), tensor.shape())
              : Tensor::zeros(tensor.shape());
    memory->load_state(state);
  }
  LinearEmbed s(e.input("f_s").dim(1), width, e.device()), t(e.input("f_t").dim(1), width, e.device());
  e.fill(s, "crd.embed_s.");
  e.fill(t, "crd.embed_t.");
  const auto unit = [](const Tensor& x) { return x / norm(x, {1}, true); };
  const Tensor es = unit(s.forward(e.input("f_s"))), et = unit(t.forward(e.input("f_t")));
  const auto& parts = e.json()["parts"];
  std::vector<float> chosen;
  for (const auto& row : parts["contrast_index"])
    for (const float index : row) chosen.push_back(index);
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

// --- Alignment.

Outcome cka_linear(GoldenEntry& e, Losses&) {
  return {linear_alignment(e.input("x"), e.input("y"))};
}

Tensor linear_gram(const Tensor& x) {
  return matmul(x, x, false, true);
}

Outcome cka_gram(GoldenEntry& e, Losses&) {
  return {gram_alignment(linear_gram(e.input("x")), linear_gram(e.input("y")))};
}

Outcome cka_rbf(GoldenEntry& e, Losses&) {
  std::smatch m;
  const std::string code = e.code();
  if (!std::regex_search(code, m, std::regex("\"rbf\", ([0-9.]+)"))) throw std::runtime_error(code);
  const double threshold = std::stod(m[1]);
  return {gram_alignment(gaussian_gram(e.input("x"), threshold), gaussian_gram(e.input("y"), threshold))};
}

Outcome cka_literal(GoldenEntry& e, Losses&) {
  const auto matrix = [&](const char* name) {
    const auto& rows = e.json()["inputs"][0][name];
    std::vector<float> values;
    for (const auto& row : rows)
      for (const float value : row) values.push_back(value);
    return Tensor::from(values, {dim_t(rows.size()), dim_t(rows[0].size())}, e.device());
  };
  const Tensor x = matrix("X"), y = matrix("Y");
  e.part("gram", gram_alignment(linear_gram(x), linear_gram(y)));
  return {linear_alignment(x, y)};
}

struct Kind {
  const char* id;  ///< how the ids of the entries begin
  Outcome (*compute)(GoldenEntry&, Losses&);
};

/// The first that fits counts.
const Kind kKinds[] = {
    {"ie.norm_p", ie_norm},
    {"ie.ft_loss", ie_ft_loss},
    {"ie.cos", ie_cos},
    {"ie.ddt", ie_ddt},
    {"ie.rec_ae", ie_auto_encoder},
    {"ie.rec_p", ie_reconstruction},
    {"ie.equal", ie_equal},
    {"ie.spec_vector", ie_literal},
    {"ie.composite", ie_composite},
    {"ce", cross_entropy},
    {"kd.kl_tau", kl_at_tau},
    {"kd.ie_", kd_mixed},
    {"kd.at_repo", kd_mixed},
    {"kd.tfkd_repo", tf_kd_self},
    {"kd.spec_vector", kd_literal},
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
    {"ie_at.", ie_at},
    {"ie_od.", ie_od},
    {"tfkd.self", tf_kd_self},
    {"tfkd.reg", tf_kd_reg},
    {"tfkd.label_smoothing", label_smoothing},
    {"dml.three_nets", mutual_of_three},
    {"dml.", mutual},
    {"one.kl", one_kl},
    {"one.full", one_full},
    {"cl.", collaborative},
    {"sp", sp},
    {"cc", cc},
    {"vid", vid},
    {"rkd.repdistiller", rkd},
    {"rkd.distance", rkd_distance},
    {"rkd.angle", rkd_angle},
    {"pkt", pkt},
    {"ab", ab},
    {"nst", nst},
    {"fsp", fsp},
    {"crd.", crd},
    {"cka.linear_gram", cka_gram},
    {"cka.linear", cka_linear},
    {"cka.rbf", cka_rbf},
    {"cka.spec_vector", cka_literal},
};

class DistillationLosses : public ::testing::TestWithParam<std::string> {};

TEST_P(DistillationLosses, AreThoseOfTheReleasedCode) {
  Losses all;
  const Device device = parse_device(GetParam());
  ASSERT_FALSE(all.file["entries"].empty());
  for (const auto& row : all.file["entries"]) {
    GoldenEntry entry(row, all.seed, device);
    const Kind* kind = nullptr;
    for (const Kind& k : kKinds)
      if (!kind && entry.id().starts_with(k.id)) kind = &k;
    ASSERT_NE(kind, nullptr) << "no loss for the entry " << entry.id() << " of " << entry.code();
    SCOPED_TRACE(entry.id());
    const Outcome outcome = kind->compute(entry, all);
    entry.expect_parts(outcome.tolerance);
    if (outcome.loss.defined()) entry.expect_loss(outcome.loss, outcome.tolerance, 1e-4, outcome.scale);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, DistillationLosses, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace engram::testing
