/// The data-free methods' losses against the released code in float64 (tests/golden/datafree_losses.json), on the CPU
/// and on the emulated device.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/data_free/agreement_divergence.h"
#include "models/methods/data_free/bn_matching.h"
#include "models/methods/data_free/contrastive_loss.h"
#include "models/methods/data_free/dafl_terms.h"
#include "models/methods/data_free/generative_loss.h"
#include "models/methods/data_free/js_divergence.h"
#include "models/methods/data_free/mean_variation.h"
#include "models/methods/data_free/memory_bank.h"
#include "models/methods/data_free/spatial_attention.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/golden_tensor.h"
#include "tests/support/named_formula.h"

namespace engram {
namespace {

using nlohmann::json;
using testing::expect_list;
using testing::expect_relative;
using testing::expect_summary;

constexpr double kValue = 1e-5, kGradient = 1e-4;

/// The whole numbers of a text after `start`, for what the file states in words.
std::vector<dim_t> numbers_after(const std::string& text, const std::string& start) {
  std::vector<dim_t> numbers;
  const std::string rest = text.substr(text.find(start) + start.size());
  const std::regex number("[0-9]+");
  for (std::sregex_iterator i(rest.begin(), rest.end(), number), end; i != end; ++i)
    numbers.push_back(std::stoll(i->str()));
  return numbers;
}

double number_after(const std::string& text, const std::string& start) {
  return std::stod(text.substr(text.find(start) + start.size()));
}

class DataFreeLosses : public ::testing::TestWithParam<std::string> {
 protected:
  Device device() const { return parse_device(GetParam()); }
  dim_t batch() const { return data_["B"]; }
  dim_t classes() const { return data_["C"]; }

  /// A leaf that asks for gradients, uniform by its name.
  Tensor leaf(const std::string& name, const Shape& shape, double low, double high) const {
    const auto values = testing::formula_between(name, data_["seed"], numel(shape), low, high);
    return Tensor::from(values, shape, device()).set_requires_grad();
  }
  /// The logits' range of a set: "set 'main' r=4, ...".
  double range(const std::string& set) const { return number_after(data_["inputs"], "'" + set + "' r="); }
  Tensor logits(const std::string& set, const std::string& who) const {
    return leaf(set + "." + who, {batch(), classes()}, -range(set), range(set));
  }
  Tensor features(const std::string& set) const { return leaf(set + ".feature", {batch(), data_["D"]}, -1, 2); }

  struct Named {
    std::string gradient;  ///< the entry's member
    Tensor leaf;
  };
  /// Value and gradients of an entry.
  static void expect_entry(const json& entry, const Tensor& loss, const std::vector<Named>& leaves,
                           const std::string& what) {
    SCOPED_TRACE(what);
    expect_relative(double(loss.item()), entry.at("value"), kValue, "value", 0.1);
    std::vector<Tensor> inputs;
    for (const Named& named : leaves) inputs.push_back(named.leaf);
    const std::vector<Tensor> gradients = grad({loss}, inputs, {.retain_graph = true, .allow_unused = true});
    for (std::size_t i = 0; i < leaves.size(); ++i)
      if (entry.contains(leaves[i].gradient))
        expect_list(gradients[i], entry[leaves[i].gradient], kGradient, leaves[i].gradient);
  }

 public:  // for the table of the test below
  void dafl(const std::string& set, const json& entry) const;
  void zskt(const std::string& set, const json& entry) const;
  void dfad(const std::string& set, const json& entry) const;
  void cmi_criteria(const std::string& set, const json& entry) const;
  void cmi_adv(const std::string& set, const json& entry) const;
  void adi(const std::string& set, const json& entry) const;
  void nayer_soft_ce(const std::string& set, const json& entry) const;
  void dfq_third_party(const std::string& set, const json& entry) const;
  void cmi_tv_mean_abs(const std::string&, const json& entry) const;
  void cmi_contrastive(const std::string&, const json& entry) const;
  void bn_hook(const std::string&, const json& entry) const;

 protected:
  const json data_ = testing::golden_json("datafree_losses.json");
};

void DataFreeLosses::dafl(const std::string& set, const json& entry) const {
  const Tensor t = logits(set, "teacher"), s = logits(set, "student"), f = features(set);
  const std::vector<Named> leaves = {{"d_teacher", t}, {"d_student", s}, {"d_feature", f}};
  const Tensor one_hot = one_hot_loss(t), entropy = kPerLog10 * class_balance(t), activation = activation_loss(f);
  expect_entry(entry["one_hot"], one_hot, leaves, "one-hot");
  expect_entry(entry["information_entropy"], entropy, leaves, "information entropy");
  expect_entry(entry["activation"], activation, leaves, "activation");
  for (const auto& [name, preset] : entry.items())
    if (preset.is_object() && preset.contains("total"))
      expect_entry(preset["total"],
                   preset["oh"].get<float>() * one_hot + preset["ie"].get<float>() * entropy +
                       preset["a"].get<float>() * activation,
                   leaves, name);
  EXPECT_EQ(argmax(t.detach()).to_int_vector(), entry["pseudo_labels"].get<std::vector<std::int32_t>>());
  expect_entry(entry["kd"], student_distance(StudentDistance::kKl, s, t.detach()), leaves, "distillation");
}

void DataFreeLosses::zskt(const std::string& set, const json& entry) const {
  const Tensor t = logits(set, "teacher"), s = logits(set, "student");
  const float per_class = 1 / float(classes());
  expect_entry(entry["generator"], neg(kl_divergence(s, t, 1, per_class)), {{"d_teacher", t}, {"d_student", s}},
               "generator");
  const Tensor kl = kl_divergence(s, t.detach(), 1, per_class);
  expect_entry(entry["student_no_attention"], kl, {{"d_student", s}}, "student without attention");
  for (const auto& [name, value] : entry.items())
    if (name.starts_with("divergence_T"))
      expect_relative(double(kl_divergence(s.detach(), t.detach(), float(number_after(name, "_T")), per_class).item()),
                      value, kValue, name);

  const std::vector<dim_t> extents = numbers_after(entry["activations"], "(c,h) =");
  std::vector<Tensor> student, teacher;
  std::vector<Named> leaves = {{"d_student", s}};
  for (std::size_t l = 0; 2 * l < extents.size(); ++l) {
    const dim_t c = extents[2 * l], h = extents[2 * l + 1];
    student.push_back(leaf(message(set, ".zskt.s", l), {batch(), c, h, h}, -1, 1));
    teacher.push_back(leaf(message(set, ".zskt.t", l), {batch(), 2 * c, h, h}, -1, 1).detach());
    leaves.push_back({message("d_act", l), student.back()});
  }
  expect_list(slice(unit_attention(student[0]).detach(), 0, 0, 1), entry["attention_map_s0_row0"], kValue, "map");
  Tensor total = kl;
  const std::vector<Tensor> distances = attention_distances(student, teacher);
  ASSERT_EQ(distances.size(), entry["attention_terms"].size());
  for (std::size_t l = 0; l < distances.size(); ++l) {
    expect_relative(double(distances[l].item()), entry["attention_terms"][l], kValue, "attention");
    total = total + entry["student"]["AT_beta"].get<float>() * distances[l];
  }
  expect_entry(entry["student"], total, leaves, "student");
}

void DataFreeLosses::dfad(const std::string& set, const json& entry) const {
  const Tensor t = logits(set, "teacher"), s = logits(set, "student");
  const std::vector<Named> leaves = {{"d_teacher", t}, {"d_student", s}};
  expect_entry(entry["student"], student_distance(StudentDistance::kL1, s, t.detach()), leaves, "student");
  expect_entry(entry["generator"], neg(student_distance(StudentDistance::kL1, s, t)), leaves, "generator");
}

void DataFreeLosses::cmi_criteria(const std::string& set, const json& entry) const {
  const Tensor t = logits(set, "teacher"), s = logits(set, "student"), f = features(set);
  const std::vector<Named> leaves = {{"d_teacher", t}, {"d_student", s}, {"d_feature", f}};
  for (const auto& [name, preset] : entry.items()) {
    if (!preset.is_object() || !preset.contains("coefficients")) continue;
    const json& c = preset["coefficients"];
    const bool l1 = c.contains("l1") && c["l1"] != 0;
    const GenerativeWeights weights{.adv = c["adv"],
                                    .bn = c["bn"],
                                    .oh = c["oh"],
                                    .act = c["act"],
                                    .balance = c["balance"],
                                    .distance = l1 ? StudentDistance::kL1 : StudentDistance::kKl};
    const Tensor bn = Tensor::scalar(preset["loss_bn_constant"], device());
    expect_entry(preset, generative_loss({t, f, s, bn}, weights).total, leaves, name);
  }
  const GenerativeLoss terms = generative_loss({t, f, s, {}}, {.adv = 1, .distance = StudentDistance::kKl});
  expect_entry(entry["terms"]["oh"], terms.oh, leaves, "one-hot");
  expect_entry(entry["terms"]["act"], terms.act, leaves, "activation");
  expect_entry(entry["terms"]["adv"], terms.adv, leaves, "adversarial");
  expect_entry(entry["terms"]["balance"], terms.balance, leaves, "balance");
  for (const auto& [temperature, expected] : entry["kldiv"].items()) {
    const float value = std::stof(temperature.substr(1));
    expect_entry(expected, kl_divergence(s, t, value, value * value), leaves, "KL at " + temperature);
  }
  for (const auto& [name, expected] : entry.items())
    if (name.starts_with("jsdiv_T"))
      expect_entry(expected, js_divergence(s, t, float(number_after(name, "_T"))), leaves, name);
  expect_relative(double(class_balance(t).item()), entry["class_balance"], kValue, "class balance");
  expect_relative(double(one_hot_loss(t).item()), entry["onehot"], kValue, "one-hot");
  for (dim_t i = 0; i < batch(); ++i) {
    const auto row = [&](const Tensor& x) { return slice(x.detach(), 0, i, i + 1).contiguous(); };
    expect_relative(double(kl_divergence(row(s), row(t)).item()), entry["kldiv_none_rowsum"][std::size_t(i)], kValue,
                    message("KL of row ", i));
  }
}

void DataFreeLosses::cmi_adv(const std::string& set, const json& entry) const {
  const Tensor t = logits(set, "teacher");
  std::vector<float> student = logits(set, "student").to_vector();
  const std::vector<std::int32_t> decisions = argmax(t.detach()).to_int_vector();
  for (dim_t i = 0; i < batch() / 2; ++i)
    student[std::size_t(i * classes() + decisions[std::size_t(i)])] += float(2 * range(set));
  const Tensor s = Tensor::from(student, {batch(), classes()}, device()).set_requires_grad();
  const AgreementDivergence adversarial = agreement_divergence(s, t);
  EXPECT_EQ(adversarial.mask.to_vector(), entry["mask"].get<std::vector<float>>());
  expect_entry(entry, adversarial.loss, {{"d_teacher", t}, {"d_student", s}}, "adversarial");
}

void DataFreeLosses::adi(const std::string& set, const json& entry) const {
  const Tensor t = logits(set, "teacher"), s = logits(set, "student");
  const std::vector<Named> leaves = {{"d_teacher", t}, {"d_student", s}};
  expect_entry(entry["one_minus_clamped_js"], competition_loss(js_divergence(s, t)), leaves, "competition");
  expect_entry(entry["pre_dfkd_js_elementwise_mean"],
               competition_loss(js_divergence(s, t.detach(), 3, JsMean::kElements)), leaves, "mean of elements");
}

void DataFreeLosses::nayer_soft_ce(const std::string& set, const json& entry) const {
  const Tensor t = logits(set, "teacher");
  const double on_label = number_after(entry["target"], "");
  std::vector<float> targets(std::size_t(batch() * classes()), float((1 - on_label) / double(classes() - 1)));
  for (dim_t i = 0; i < batch(); ++i) targets[std::size_t(i * classes() + i % classes())] = float(on_label);
  expect_entry(entry, softmax_cross_entropy_soft(t, Tensor::from(targets, {batch(), classes()}, device())),
               {{"d_teacher", t}}, "soft targets");
}

void DataFreeLosses::dfq_third_party(const std::string& set, const json& entry) const {
  const Tensor t = logits(set, "teacher"), s = logits(set, "student");
  const std::vector<Named> leaves = {{"d_teacher", t}, {"d_student", s}};
  expect_entry(entry["ie"], class_balance(t), leaves, "balance");
  expect_entry(entry["oh_entropy"], mean_entropy(t), leaves, "entropy");
  expect_entry(entry["kd"], student_distance(StudentDistance::kKl, s, t), leaves, "distillation");
}

void DataFreeLosses::cmi_tv_mean_abs(const std::string&, const json& entry) const {
  const dim_t side = numbers_after(entry["image"], "(N,3,")[0];
  const Tensor x = leaf("tv.image", {entry["N"], 3, side, side}, -2, 2);
  const Tensor loss = mean_variation(x);
  expect_relative(double(loss.item()), entry["value"], kValue, "total variation");
  expect_summary(grad({loss}, {x})[0], entry["d_image"], kGradient, "gradient");
}

void DataFreeLosses::cmi_contrastive(const std::string&, const json& entry) const {
  const std::vector<dim_t> head_extents = numbers_after(entry["head"], "MLPHead(");
  const dim_t values = head_extents.at(0);
  const std::string bank_text = entry["bank"];
  ProjectionHead head(values, head_extents.at(1), {});
  testing::fill_by_formula(head, "head.", data_["seed"]);
  head.to(device());
  MemoryBank bank(numbers_after(bank_text, "max_size=").at(0), numbers_after(bank_text, "dim_feat=").at(0), device());
  for (const json& step : entry["steps"]) {
    SCOPED_TRACE("round " + step["round"].dump());
    EXPECT_EQ(bank.pointer(), step["bank_ptr"].get<dim_t>());
    EXPECT_EQ(bank.num_added(), step["bank_n_updates"].get<dim_t>());
    const std::vector<std::int32_t> index = step["cached_index"];
    const dim_t cached = dim_t(index.size());
    EXPECT_EQ(std::min(bank.num_rows(true), numbers_after(bank_text, "n_neg=").at(0)), cached);
    if (step["value_is_nan"]) {
      EXPECT_EQ(bank.num_rows(), bank.rows().dim(0)) << "the whole bank is there";
    }
    const Tensor local = leaf(message("con.local", step["round"].dump()), {batch(), values}, -1, 1);
    const Tensor global = leaf(message("con.global", step["round"].dump()), {batch(), values}, -1, 1);
    Tensor rows;
    if (cached > 0) rows = bank.select(Tensor::from(index, {cached}, device()));
    const Contrast contrast = contrastive_loss(head, {.local = local,
                                                      .global = global,
                                                      .cached = rows,
                                                      .diagonal = diagonal_labels(batch() + cached, device()),
                                                      .temperature = float(number_after(bank_text, "cr_T="))});
    expect_list(slice(contrast.logits.detach(), 0, 0, 1), step["logits_row0"], kValue, "logits", 1);
    if (!step["value_is_nan"]) expect_relative(double(contrast.loss.item()), step["value"], kValue, "loss");
    std::vector<Tensor> inputs = head.parameters();
    inputs.insert(inputs.end(), {local, global});
    const std::vector<Tensor> gradients = grad({contrast.loss}, inputs, {.allow_unused = true});
    expect_list(gradients[4], step["d_local"], kGradient, "gradient to the local view");
    expect_list(gradients[5], step["d_glob"], kGradient, "gradient to the global view");
    for (std::size_t i = 0; i < 4; ++i)
      expect_relative(double(norm(gradients[i]).item()), step["head_grad_norms"][i], kGradient, "gradient of the head");
    bank.add(concat({local.detach(), global.detach()}, 1));
  }
}

void DataFreeLosses::bn_hook(const std::string&, const json& entry) const {
  BatchNorm2d bn(numbers_after(entry["bn"], "").at(0), {});
  testing::fill_by_formula(bn, "hook.bn.", data_["seed"]);
  bn.to(device());
  Shape shape;
  for (const json& step : entry["plain"]) {
    const std::string input = step["input"];
    SCOPED_TRACE(input);
    const auto quote = input.find('\'') + 1;
    const auto from = input.find('['), to = input.find(']');
    const Shape extents = json::parse(input.substr(from, to - from + 1)).get<Shape>();
    if (shape.empty()) shape = extents;
    const Tensor x = leaf(input.substr(quote, input.find('\'', quote) - quote), extents, -2, 2);
    const Tensor distance = bn_distance({{"bn", &bn, x}});
    expect_relative(double(distance.item()), step["value"], kValue, "distance");
    expect_list(grad({distance}, {x})[0], step["d_x"], kGradient, "gradient");
  }
  for (const auto& [name, rounds] : entry.items()) {
    if (!name.starts_with("fast_momentum_")) continue;
    std::string momentum = name.substr(std::string("fast_momentum_").size());
    momentum[momentum.find('_')] = '.';
    BnMomentum averages({{"bn", &bn, Tensor::zeros(shape, device())}}, std::stof(momentum));
    for (const json& step : rounds) {
      SCOPED_TRACE(name + " round " + step["round"].dump());
      const Tensor x = leaf(message("hook.m", step["round"].dump()), shape, -2, 2);
      const Tensor distance = averages.distance({{"bn", &bn, x}});
      expect_relative(double(distance.item()), step["value"], kValue, "distance");
      expect_summary(grad({distance}, {x})[0], step["d_x"], kGradient, "gradient");
      averages.update({{"bn", &bn, x}});
      averages.count_update();
      expect_list(averages.mean(0), step["mean_mmt"], kValue, "average mean");
      expect_list(averages.variance(0), step["var_mmt"], kValue, "average variance");
    }
  }
}

TEST_P(DataFreeLosses, AreThoseOfTheReleasedCode) {
  const std::map<std::string, void (DataFreeLosses::*)(const std::string&, const json&) const> checks = {
      {"dafl", &DataFreeLosses::dafl},
      {"zskt", &DataFreeLosses::zskt},
      {"dfad", &DataFreeLosses::dfad},
      {"cmi_criteria", &DataFreeLosses::cmi_criteria},
      {"cmi_tv_mean_abs", &DataFreeLosses::cmi_tv_mean_abs},
      {"cmi_adv", &DataFreeLosses::cmi_adv},
      {"cmi_contrastive", &DataFreeLosses::cmi_contrastive},
      {"adi", &DataFreeLosses::adi},
      {"bn_hook", &DataFreeLosses::bn_hook},
      {"nayer_soft_ce", &DataFreeLosses::nayer_soft_ce},
      {"dfq_third_party", &DataFreeLosses::dfq_third_party}};
  for (const auto& [key, entry] : data_.items()) {
    if (!entry.is_object()) continue;
    SCOPED_TRACE(key);
    const auto dot = key.find('.');
    const auto check = checks.find(key.substr(0, dot));
    ASSERT_NE(check, checks.end()) << "an entry that this test does not know";
    (this->*check->second)(dot == std::string::npos ? "" : key.substr(dot + 1), entry);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, DataFreeLosses, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return info.param; });

TEST(DataFreeTerms, AClassThatNeverComesCountsAsZero) {
  const Tensor logits = Tensor::from(std::vector<float>{0, 500, 0, 400}, {2, 2}).set_requires_grad();
  const Tensor balance = class_balance(logits);
  EXPECT_EQ(balance.item(), 0);
  for (const float g : grad({balance}, {logits})[0].to_vector()) EXPECT_TRUE(std::isfinite(g));
}

TEST(MemoryBank, IsARing) {
  MemoryBank bank(4, 2, {});
  EXPECT_EQ(bank.num_rows(), 0);
  for (const float value : {1.f, 2.f, 3.f}) bank.add(Tensor::full({2, 2}, value));
  EXPECT_EQ(bank.rows().to_vector(), (std::vector<float>{3, 3, 3, 3, 2, 2, 2, 2}));
  EXPECT_EQ(bank.num_rows(), 4);
  EXPECT_EQ(bank.pointer(), 2);
  EXPECT_ERROR(bank.add(Tensor::zeros({3, 2})), UsageError, "divides 4, got 3");
  EXPECT_ERROR(bank.add(Tensor::zeros({2, 3})), ShapeError, "[N,2]");
  EXPECT_ERROR(MemoryBank(0, 2, {}), UsageError, "at least one row");
}

}  // namespace
}  // namespace engram
