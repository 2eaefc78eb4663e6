/// Losses on logits, of teachers, labels and peers, against released code in float64
/// (tests/golden/distillation_losses.json).

#include <gtest/gtest.h>

#include <regex>

#include "models/methods/distillation/ensemble_gate.h"
#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/label_targets.h"
#include "models/methods/distillation/peers.h"
#include "models/nets/make_network.h"
#include "tests/models/distillation_entries.h"

namespace engram::testing {
namespace {

Outcome cross_entropy(GoldenEntry& e, StoredLosses& all) {
  return {softmax_cross_entropy(e.input("z_s"), labels_of(e, all))};
}

Outcome kl_at_tau(GoldenEntry& e, StoredLosses&) {
  return {kd_term(e.input("z_s"), e.input("z_t"), e.constant("tau"))};
}

/// (1 - alpha) cross entropy + alpha times the divergence, from one pass over the logits as the tasks take them.
Outcome mixed(GoldenEntry& e, StoredLosses& all, double factor) {
  const double alpha = e.constant("alpha"), tau = e.constant("tau");
  const DistillationLosses both =
      distillation_losses(e.input("z_s"), e.input("z_t"), labels_of(e, all), {float(tau), float(factor * tau * tau)});
  return {float(1 - alpha) * both.cross_entropy + float(alpha) * both.divergence};
}

Outcome kd_mixed(GoldenEntry& e, StoredLosses& all) {
  return mixed(e, all, 1);
}

double multiplier(const GoldenEntry& e) {
  return e.json()["constants"].value("multiplier", 1.0);
}

/// A mean over samples and classes.
Outcome tf_kd_self(GoldenEntry& e, StoredLosses& all) {
  return mixed(e, all, multiplier(e) / double(e.input("z_s").dim(1)));
}

Outcome tf_kd_reg(GoldenEntry& e, StoredLosses& all) {
  const double alpha = e.constant("alpha");
  const Tensor labels = labels_of(e, all);
  return {float(1 - alpha) * softmax_cross_entropy(e.input("z_s"), labels) +
          float(alpha * multiplier(e)) * virtual_teacher_term(e.input("z_s"), labels, e.constant("tau"))};
}

Outcome label_smoothing(GoldenEntry& e, StoredLosses& all) {
  return {smoothed_cross_entropy(e.input("z_s"), labels_of(e, all))};
}

Outcome kd_literal(GoldenEntry& e, StoredLosses&) {
  const auto& inputs = e.json()["inputs"][0];
  const Tensor student = e.literal_input("z_s", inputs["z_s"]), teacher = literal_row(inputs["z_t"], e.device());
  const double tau = number_in(e.code(), "\\(([0-9.]+)\\)");
  const Tensor loss = kd_term(student, teacher, tau);
  e.part("KL", loss * float(1 / (tau * tau)));
  return {loss};
}

Outcome mutual(GoldenEntry& e, StoredLosses& all) {
  return {mutual_losses(e.input("z_s"), {e.input("z_t")}, labels_of(e, all)).divergence};
}

Outcome mutual_of_three(GoldenEntry& e, StoredLosses& all) {
  std::vector<Tensor> peers;
  for (int i = 2; e.has_input("z" + std::to_string(i)); ++i) peers.push_back(e.input("z" + std::to_string(i)));
  const DistillationLosses both = mutual_losses(e.input("z1"), peers, labels_of(e, all));
  e.part("ce", both.cross_entropy);
  e.part("kl_mean", both.divergence);
  return {both.cross_entropy + both.divergence};
}

Outcome one_kl(GoldenEntry& e, StoredLosses&) {
  return {ensemble_term(e.input("z_s"), e.input("z_t"))};
}

Outcome collaborative(GoldenEntry& e, StoredLosses& all) {
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

Outcome one_full(GoldenEntry& e, StoredLosses&) {
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
  const Tensor trunk = nets[0]->forward_stages(x, 0, 2);
  std::vector<Tensor> logits;
  for (const auto& net : nets) logits.push_back(net->forward_from(trunk, 2, {}).logits);
  const Tensor ensemble = gate.ensemble(trunk, logits);
  const double weight = ensemble_weight(number_in(e.code(), "epoch (\\d+)"));
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

class LogitLosses : public ::testing::TestWithParam<std::string> {};

TEST_P(LogitLosses, AreThoseOfTheReleasedCode) {
  expect_stored_losses(logit_losses(), parse_device(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Devices, LogitLosses, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return info.param; });

}  // namespace

std::vector<LossKind> logit_losses() {
  return {
      {"ce", cross_entropy},
      {"kd.kl_tau", kl_at_tau},
      {"kd.ie_", kd_mixed},
      {"kd.at_repo", kd_mixed},
      {"kd.tfkd_repo", tf_kd_self},
      {"kd.spec_vector", kd_literal},
      {"tfkd.self", tf_kd_self},
      {"tfkd.reg", tf_kd_reg},
      {"tfkd.label_smoothing", label_smoothing},
      {"dml.three_nets", mutual_of_three},
      {"dml.", mutual},
      {"one.kl", one_kl},
      {"one.full", one_full, true},
      {"cl.", collaborative},
  };
}

}  // namespace engram::testing
