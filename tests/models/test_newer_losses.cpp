/// The newer distillation losses against released code in float64 (tests/golden/newer_losses.json, section
/// "distillation", and the connectors' sizes; the form of the entries is that of tests/golden/README.md).

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "engine/autograd.h"
#include "models/methods/distillation/close_kl.h"
#include "models/methods/distillation/decoupled.h"
#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/mlkd_terms.h"
#include "models/methods/distillation/review.h"
#include "models/nets/make_network.h"
#include "tests/support/golden.h"
#include "tests/support/golden_entry.h"
#include "tests/support/named_formula.h"

namespace engram::testing {
namespace {

using nlohmann::json;

struct NewerOutcome {
  Tensor loss;
  double tolerance = 1e-5, gradient_tolerance = 1e-4;
};

/// "(7 i + 3) mod K" for n samples of `classes`.
Tensor labels_for(dim_t n, dim_t classes, const GoldenEntry& e, const std::string& rule) {
  std::smatch m;
  if (!std::regex_search(rule, m, std::regex("\\((\\d+) i \\+ (\\d+)\\) mod K"))) throw std::runtime_error(rule);
  std::vector<std::int32_t> labels;
  for (dim_t i = 0; i < n; ++i) labels.push_back(std::int32_t((std::stol(m[1]) * i + std::stol(m[2])) % classes));
  return Tensor::from(labels, {n}, e.device());
}

Tensor labels_of(GoldenEntry& e, const Tensor& logits) {
  const auto& constants = e.json()["constants"];
  return labels_for(logits.dim(0), logits.dim(1), e, constants.value("labels", "(7 i + 3) mod K"));
}

/// A registered term with these settings, for logits [N,K].
std::unique_ptr<DistillationLoss> term_of(const json& settings, const Tensor& logits) {
  Features features;
  features.logits = logits;
  const LossContext context{.student = features,
                            .teacher = features,
                            .student_arch = "student",
                            .teacher_arch = "teacher",
                            .num_classes = int(logits.dim(1)),
                            .device = logits.device()};
  auto terms = make_distillation_losses(settings.dump(), context);
  terms[0]->initialize(1);
  return std::move(terms[0]);
}

DistillationBatch batch_of(const Tensor& student, const Tensor& teacher, const Tensor& labels) {
  DistillationBatch b;
  b.student.logits = student;
  b.teacher.logits = teacher;
  b.labels = labels;
  return b;
}

double warm(const GoldenEntry& e) {
  return std::min(e.constant("epoch") / e.constant("warmup"), 1.0);
}

bool standardises(const GoldenEntry& e) {
  return std::regex_search(e.id(), std::regex("_ls(\\.|$)"));
}

NewerOutcome kd(GoldenEntry& e, const json&) {
  const double tau = e.constant("T");
  const auto term = term_of({{"name", "kd"}, {"tau", tau}, {"standardise", standardises(e)}}, e.input("s"));
  const Tensor loss = term->loss(batch_of(e.input("s"), e.input("t"), {}));
  if (!e.json()["constants"].contains("ce")) return {loss};
  const Tensor ce = float(e.constant("ce")) * softmax_cross_entropy(e.input("s"), labels_of(e, e.input("s"))),
               weighted = float(e.constant("kd")) * loss;
  e.part("loss_ce", ce);
  e.part("loss_kd", weighted);
  return {ce + weighted};
}

NewerOutcome dkd_part(GoldenEntry& e, const json&) {
  const DecoupledTerms terms = decoupled_kd(e.input("s"), e.input("t"), labels_of(e, e.input("s")), e.constant("T"));
  return {e.id().find("tckd") != std::string::npos ? terms.target : terms.others};
}

NewerOutcome dkd(GoldenEntry& e, const json&) {
  const auto term = term_of({{"name", "dkd"},
                             {"alpha", e.constant("alpha")},
                             {"beta", e.constant("beta")},
                             {"tau", e.constant("T")},
                             {"standardise", standardises(e)}},
                            e.input("s"));
  const Tensor labels = labels_of(e, e.input("s"));
  const Tensor loss = term->loss(batch_of(e.input("s"), e.input("t"), labels));
  if (!e.json()["constants"].contains("warmup")) return {loss};
  const Tensor ce = float(e.constant("ce")) * softmax_cross_entropy(e.input("s"), labels),
               weighted = float(warm(e)) * loss;
  e.part("loss_ce", ce);
  e.part("loss_kd", weighted);
  return {ce + weighted};
}

NewerOutcome dkd_identity(GoldenEntry& e, const json& section) {
  const json* given = nullptr;
  for (const auto& other : section)
    if (other.contains("inputs") && other["inputs"].size() == 2 && other["inputs"][0]["name"] == "logits.s")
      given = &other["inputs"];
  if (given == nullptr) throw std::runtime_error("no logits");
  const auto made = [&](const json& i) { return e.formula(i["name"], i["shape"], i["lo"], i["hi"]); };
  const Tensor s = made((*given)[0]), t = made((*given)[1]), labels = labels_of(e, s);
  const double tau = e.constant("T");
  const Tensor p = sum(softmax(t * float(1 / tau)) * one_hot(labels, t.dim(1)), {1});
  std::vector<double> target, others, whole, probability;
  for (dim_t n = 0; n < s.dim(0); ++n) {
    const auto row = [&](const Tensor& x) { return slice(x, 0, n, n + 1); };
    const DecoupledTerms terms = decoupled_kd(row(s), row(t), row(labels), tau);
    target.push_back(terms.target.item());
    others.push_back(terms.others.item());
    whole.push_back(kd_term(row(s), row(t), tau).item());
    probability.push_back(row(p).item());
    EXPECT_NEAR(whole.back(), target.back() + (1 - probability.back()) * others.back(), 1e-4) << "sample " << n;
  }
  e.part("tckd", target);
  e.part("nckd", others);
  e.part("kd", whole);
  e.part("teacher_target_probability", probability);
  e.skip_part("largest_residual");
  return {};
}

NewerOutcome standardise(GoldenEntry& e, const json& section) {
  Tensor w;
  if (e.has_input("w")) {
    w = e.input("w");
  } else {  // the weights of the other entry, or what they are where the file lacks it
    w = e.formula("standardise.w", e.input("s").shape(), -1, 1);
    for (const auto& other : section)
      if (other["id"] == "standardise.value")
        for (const auto& i : other["inputs"])
          if (i.value("symbol", "") == "w") w = e.formula(i["name"], i["shape"], i["lo"], i["hi"]);
  }
  const Tensor z = standardised(e.input("s"));
  const std::vector<float> values = z.to_vector();
  e.part("z_first_row", {values.begin(), values.begin() + z.dim(1)});
  return {sum(w * z)};
}

NewerOutcome dist(GoldenEntry& e, const json&) {
  const auto& constants = e.json()["constants"];
  const double beta = constants.value("beta", 1.0), gamma = constants.value("gamma", 1.0);
  const bool equal = !e.has_input("t");
  const auto term =
      term_of({{"name", "dist"}, {"beta", beta}, {"gamma", gamma}, {"tau", e.constant("tau")}}, e.input("s"));
  const Tensor loss = term->loss(batch_of(e.input("s"), equal ? e.input("s") : e.input("t"), {}));
  // With itself only what is added to the norms is left.
  return equal ? NewerOutcome{loss, 5e-2, 1e-1} : NewerOutcome{loss};
}

NewerOutcome mlkd_step(GoldenEntry& e, const json&) {
  const auto term = term_of({{"name", "mlkd"},
                             {"kd", e.constant("kd")},
                             {"ce", e.constant("ce")},
                             {"tau", e.constant("T")},
                             {"standardise", standardises(e)}},
                            e.input("sw"));
  const Tensor labels = labels_of(e, e.input("sw"));
  DistillationBatch b = batch_of(e.input("sw"), e.input("tw"), labels);
  b.strong_student = e.input("ss");
  b.strong_teacher = e.input("ts");
  const Tensor loss = term->loss(b) + float(e.constant("ce")) * softmax_cross_entropy(e.input("sw"), labels);
  const Tensor both = softmax_cross_entropy(e.input("sw"), labels) + softmax_cross_entropy(e.input("ss"), labels);
  e.part("loss_ce", float(e.constant("ce")) * both);
  e.part("loss_kd", term->parts()[0]);
  e.part("loss_cc", term->parts()[1]);
  e.part("loss_bc", term->parts()[2]);
  e.part("sample_mask_share", mean(unsure_samples(e.input("tw"))));
  e.part("class_mask_share", mean(unsure_classes(e.input("tw"))));
  return {loss};
}

NewerOutcome mlkd_kd(GoldenEntry& e, const json&) {
  return {kd_term(e.input("sw"), e.input("tw"), e.constant("T"))};
}

NewerOutcome mlkd_classes(GoldenEntry& e, const json&) {
  return {class_relation_term(e.input("sw"), e.input("tw"), e.constant("T"))};
}

NewerOutcome mlkd_samples(GoldenEntry& e, const json&) {
  return {batch_relation_term(e.input("sw"), e.input("tw"), e.constant("T"))};
}

NewerOutcome mlkd_masked(GoldenEntry& e, const json&) {
  const auto mask = e.json()["constants"]["mask"].get<std::vector<float>>();
  EXPECT_EQ(unsure_samples(e.input("tw")).to_vector(), mask);
  const Tensor m = Tensor::from(mask, {dim_t(mask.size())}, e.device());
  return {masked_kd_term(e.input("sw"), e.input("tw"), m, e.constant("T"))};
}

NewerOutcome ctkd(GoldenEntry& e, const json&) {
  const auto term = term_of({{"name", "ctkd"},
                             {"start", e.constant("t_start")},
                             {"range", e.constant("t_end")},
                             {"rise", int(e.constant("loops"))},
                             {"standardise", standardises(e)}},
                            e.input("s"));
  const Tensor theta = term->parameters()[0];
  term->load_state({{"theta", Tensor::full({1}, float(e.constant("theta")))}});
  term->stage(dim_t(e.constant("epoch")) - 1);
  e.watch("theta", theta);
  const Tensor loss = term->loss(batch_of(e.input("s"), e.input("t"), {}));
  e.part("T", float(e.constant("t_end")) * sigmoid(theta.detach()) + float(e.constant("t_start")));
  e.skip_part("lambda_");  // seen in the gradient
  // At a temperature of 15 the divergence of standardised logits is a few thousandths of the logarithms that it is the
  // difference of, and theta's gradient is a difference of such once more: float32 has 4 to 2 digits of them.
  return standardises(e) ? NewerOutcome{loss, 2e-5, 5e-3} : NewerOutcome{loss, 1e-5, 2e-3};
}

NewerOutcome review_hcl(GoldenEntry& e, const json&) {
  std::vector<double> levels;
  Tensor total;
  for (int i = 0; e.has_input("s" + std::to_string(i)); ++i) {
    const std::string n = std::to_string(i);
    const Tensor level = context_distance(e.input("s" + n), e.input("t" + n));
    levels.push_back(level.item());
    total = total.defined() ? total + level : level;
  }
  e.part("per_level", levels);
  e.part("reviewkd_repository_hcl", total);
  return {total};
}

NewerOutcome review_fusion(GoldenEntry& e, const json&) {
  ReviewFusion fusion(dim_t(e.constant("in_channel")), dim_t(e.constant("mid_channel")),
                      dim_t(e.constant("out_channel")), e.json()["constants"]["fuse"], e.device());
  const std::string prefix = "abf." + e.id().substr(e.id().rfind('.') + 1) + ".";
  e.fill(fusion, prefix);
  const ReviewFusion::Result r = fusion.forward(e.input("x"), e.has_input("y") ? e.input("y") : Tensor(),
                                                dim_t(e.constant("size")), dim_t(e.constant("out_size")));
  e.part_tensor("out", r.output.detach());
  e.part_tensor("residual", r.residual.detach());
  for (const auto& [name, expected] : e.json()["buffers"].items()) {
    const std::vector<float> values = fusion.state().at(name).to_vector();
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(values[i], expected[i].get<double>(), 1e-5) << name;
  }
  return {sum(r.output * e.input("gy")) + sum(r.residual * e.input("gx"))};
}

NewerOutcome review_step(GoldenEntry& e, const json&) {
  Features student, teacher;
  for (int i = 1; e.has_input("feat" + std::to_string(i)); ++i) {
    student.sums.push_back(e.input("feat" + std::to_string(i)));
    teacher.pre_activations.push_back({e.input("t_pre" + std::to_string(i))});
    teacher.taps.push_back(teacher.pre_activations.back().value);
  }
  student.taps = student.sums;
  student.pooled = e.input("pooled");
  student.logits = e.input("logits");
  teacher.pooled = e.input("t_pooled");
  const LossContext context{.student = student,
                            .teacher = teacher,
                            .student_arch = "student",
                            .teacher_arch = "teacher",
                            .num_classes = int(student.logits.dim(1)),
                            .device = e.device()};
  auto terms = make_distillation_losses("review", context);
  EXPECT_EQ(terms[0]->num_parameters(), dim_t(e.constant("extra_parameters")));
  e.fill(*terms[0], "review." + e.id().substr(e.id().rfind('.') + 1) + ".");
  const Tensor labels = labels_of(e, student.logits), ce = softmax_cross_entropy(student.logits, labels);
  DistillationBatch b;
  b.student = student;
  b.teacher = teacher;
  b.labels = labels;
  const Tensor weighted = float(e.constant("weight") * warm(e)) * terms[0]->loss(b);
  e.part("loss_ce", ce);
  e.part("loss_kd", weighted);
  return {ce + weighted};
}

struct NewerKind {
  const char* id;  ///< how the ids of the entries begin
  NewerOutcome (*compute)(GoldenEntry&, const json& section);
};

/// The first that fits counts.
const NewerKind kNewerKinds[] = {
    {"kd.", kd},
    {"kd_ls", kd},
    {"dkd.tckd", dkd_part},
    {"dkd.nckd", dkd_part},
    {"dkd.identity", dkd_identity},
    {"dkd", dkd},
    {"standardise", standardise},
    {"dist.", dist},
    {"mlkd.kd.masked", mlkd_masked},
    {"mlkd.kd", mlkd_kd},
    {"mlkd.cc", mlkd_classes},
    {"mlkd.bc", mlkd_samples},
    {"mlkd", mlkd_step},
    {"ctkd", ctkd},
    {"review.hcl", review_hcl},
    {"review.abf", review_fusion},
    {"review.step", review_step},
};

class NewerLosses : public ::testing::TestWithParam<std::string> {};

TEST_P(NewerLosses, AreThoseOfTheReleasedCode) {
  const json file = golden_json("newer_losses.json");
  const json& section = file["distillation"];
  ASSERT_FALSE(section.empty());
  for (const auto& row : section) {
    GoldenEntry entry(row, file["seed"], parse_device(GetParam()));
    const NewerKind* kind = nullptr;
    for (const NewerKind& k : kNewerKinds)
      if (!kind && entry.id().starts_with(k.id)) kind = &k;
    ASSERT_NE(kind, nullptr) << "no loss for the entry " << entry.id() << " of " << entry.code();
    SCOPED_TRACE(entry.id());
    const NewerOutcome outcome = kind->compute(entry, section);
    entry.expect_parts(std::min(outcome.tolerance, 1e-4));
    if (outcome.loss.defined()) entry.expect_loss(outcome.loss, outcome.tolerance, outcome.gradient_tolerance);
  }
}

/// sum p (log p - log q) of two rows of logits, in double.
double divergence_of(const float* q_logits, const float* p_logits, dim_t classes) {
  const auto log_sum = [&](const float* z) {
    double total = 0;
    for (dim_t c = 0; c < classes; ++c) total += std::exp(double(z[c]));
    return std::log(total);
  };
  const double q_log_sum = log_sum(q_logits), p_log_sum = log_sum(p_logits);
  double total = 0;
  for (dim_t c = 0; c < classes; ++c) {
    const double log_p = p_logits[c] - p_log_sum;
    total += std::exp(log_p) * (log_p - (q_logits[c] - q_log_sum));
  }
  return total;
}

TEST_P(NewerLosses, DivergencesOfNearlyEqualRowsKeepTheirDigits) {
  const Device device = parse_device(GetParam());
  const dim_t rows = 3, classes = 10;
  // Differences of logits by row: far below the logits, as at a high temperature; of their size; far above.
  const double differences[] = {0.02, 0.4, 9};
  for (const std::vector<dim_t>& chosen : {std::vector<dim_t>{0}, {1}, {2}, {0, 1, 2}}) {
    std::vector<float> student, teacher;
    double expected = 0;
    for (const dim_t r : chosen) {
      const std::string row = std::to_string(r % rows);
      const std::vector<float> s = formula_between("close.s" + row, 7, classes, -0.3, 0.3);
      const std::vector<float> moved = formula_between("close.t" + row, 7, classes, -differences[r], differences[r]);
      student.insert(student.end(), s.begin(), s.end());
      for (dim_t c = 0; c < classes; ++c) teacher.push_back(s[std::size_t(c)] + moved[std::size_t(c)] + 0.5f);
    }
    const dim_t count = dim_t(chosen.size());
    for (dim_t r = 0; r < count; ++r)
      expected += divergence_of(&student[std::size_t(r * classes)], &teacher[std::size_t(r * classes)], classes) /
                  double(count);
    const Shape shape = {count, classes};
    const Tensor s = Tensor::from(student, shape, device).set_requires_grad(), t = Tensor::from(teacher, shape, device);
    const Tensor loss = close_kl(s, t);
    expect_relative(loss.item(), expected, 3e-6, "divergence");
    const std::vector<float> got = grad({loss}, {s})[0].to_vector(),
                             plain = grad({kl_divergence(s, t, 1, 1)}, {s})[0].to_vector();
    EXPECT_EQ(got, plain);
  }
}

TEST_P(NewerLosses, CorrelationsWithItselfLackWhatTheEpsilonTakes) {
  const dim_t rows = 6, classes = 10;
  const std::vector<float> values = formula_between("itself", 11, rows * classes, -2, 2);
  const Tensor logits = Tensor::from(values, {rows, classes}, parse_device(GetParam()));
  std::vector<double> p(values.size());
  for (dim_t r = 0; r < rows; ++r) {
    double total = 0;
    for (dim_t c = 0; c < classes; ++c) total += std::exp(values[std::size_t(r * classes + c)] / 4);
    for (dim_t c = 0; c < classes; ++c)
      p[std::size_t(r * classes + c)] = std::exp(values[std::size_t(r * classes + c)] / 4) / total;
  }
  const auto expected = [&](dim_t lines, dim_t line_stride, dim_t count, dim_t stride) {
    double result = 0;
    for (dim_t i = 0; i < lines; ++i) {
      double mean = 0, squares = 0;
      for (dim_t k = 0; k < count; ++k) mean += p[std::size_t(i * line_stride + k * stride)] / double(count);
      for (dim_t k = 0; k < count; ++k) squares += std::pow(p[std::size_t(i * line_stride + k * stride)] - mean, 2);
      result += 1e-8 / (squares + 1e-8) / double(lines);
    }
    return 16 * result;
  };
  const CorrelationTerms terms = correlation_kd(logits, logits, 4);
  expect_relative(terms.samples.item(), expected(rows, classes, classes, 1), 1e-4, "of samples");
  expect_relative(terms.classes.item(), expected(classes, 1, rows, classes), 1e-4, "of classes");
}

TEST(Dist, RowsWithoutAnyDifferencesHaveFiniteGradients) {
  const Tensor even = Tensor::zeros({2, 4}).set_requires_grad();
  const Tensor teacher = Tensor::from(std::vector<float>{1, 2, 3, 4, 4, 1, 2, 3}, {2, 4});
  const CorrelationTerms terms = correlation_kd(even, teacher, 1);
  EXPECT_EQ(terms.samples.item(), 1.f);
  for (const float value : grad({terms.samples + terms.classes}, {even})[0].to_vector())
    EXPECT_TRUE(std::isfinite(value));
}

INSTANTIATE_TEST_SUITE_P(Devices, NewerLosses, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return info.param; });

/// The networks of "wrn-40-2->wrn-16-2", or of each pair of "resnet (16,32,64): resnet56->20, 110->20".
std::vector<std::pair<std::string, std::string>> networks_of(const std::string& pairs) {
  const std::string family = pairs.substr(0, pairs.find_first_not_of("abcdefghijklmnopqrstuvwxyz"));
  const auto full = [&](std::string name) {
    if (std::isdigit(static_cast<unsigned char>(name[0]))) name = family + name;
    name = std::regex_replace(name, std::regex("^shuffle"), "shufflenet");
    return std::regex_replace(name, std::regex("^(vgg\\d+)$"), "$1-average");
  };
  const std::regex pair("([\\w-]+)->([\\w-]+)");
  std::vector<std::pair<std::string, std::string>> networks;
  for (std::sregex_iterator m(pairs.begin(), pairs.end(), pair), end; m != end; ++m)
    networks.emplace_back(full((*m)[1]), full((*m)[2]));
  if (networks.empty()) throw std::runtime_error("no networks in " + pairs);
  return networks;
}

/// Expects the connectors between two networks to have as many parameters as a row of the file states.
void expect_connectors(const std::string& teacher_name, const std::string& student_name, const json& row) {
  SCOPED_TRACE(teacher_name + " to " + student_name);
  const auto features = [&](const std::string& arch) {
    const auto network = make_network(arch, 100);
    return network->inference(Tensor::zeros({2, 3, 32, 32}),
                              {.taps = true, .sums = true, .pre_activations = true, .pooled = true});
  };
  const Features teacher = features(teacher_name), student = features(student_name);
  auto terms = make_distillation_losses("review", {.student = student,
                                                   .teacher = teacher,
                                                   .student_arch = student_name,
                                                   .teacher_arch = teacher_name,
                                                   .num_classes = 100});
  EXPECT_EQ(terms[0]->num_parameters(), row["total"].get<dim_t>());
  const auto levels = row["shallow_to_deep"].get<std::vector<dim_t>>();
  std::vector<dim_t> counts(levels.size(), 0);
  for (const NamedTensor& parameter : terms[0]->named_parameters()) {
    const std::size_t level = std::size_t(std::stoi(parameter.name.substr(5)));
    ASSERT_LT(level, counts.size());
    counts[counts.size() - 1 - level] += parameter.tensor.numel();
  }
  EXPECT_EQ(counts, levels);
}

TEST(ReviewKd, ConnectorsHaveAsManyParametersAsTheReleasedOnes) {
  const json file = golden_json("newer_losses.json");
  for (const auto& row : file["review_parameter_counts"])
    for (const auto& [teacher, student] : networks_of(row["pair"])) expect_connectors(teacher, student, row);
}

}  // namespace
}  // namespace engram::testing
