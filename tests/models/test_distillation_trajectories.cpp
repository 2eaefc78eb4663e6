/// Steps of distillation tasks against released programs in float64: IE-KD in two stages, FT, KD, AT, OD, DML and
/// IE-DML (tests/golden/*_trajectory.json; how close float32 can come is in tests/golden/README.md).

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "engine/autograd.h"
#include "models/methods/distillation/channel_halves.h"
#include "models/methods/distillation/distillation_task.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/mutual_learning.h"
#include "models/nets/make_network.h"
#include "tests/support/golden.h"
#include "tests/support/golden_entry.h"
#include "tests/support/named_formula.h"
#include "tests/support/roundings.h"

namespace engram::testing {
namespace {

using nlohmann::json;

/// "resnet20B" and "resnet20" of the files are our resnet20-b and resnet20-a: with and without convolutions in the
/// shortcuts.
std::string arch_of(const std::string& name) {
  return name.ends_with("B") ? name.substr(0, name.size() - 1) + "-b" : name + "-a";
}

double value_of(const MeterValues& values, const std::string& name) {
  for (const MeterValue& value : values)
    if (value.name == name) return value.value;
  throw std::runtime_error("no meter " + name);
}

double sum_of(const json& numbers) {
  double total = 0;
  for (const double number : numbers) total += number;
  return total;
}

double joint_norm(const std::vector<Tensor>& tensors) {
  double total = 0;
  for (const Tensor& tensor : tensors)
    for (const float value : tensor.to_vector()) total += double(value) * value;
  return std::sqrt(total);
}

/// Limits on relative differences.
struct Limits {
  double loss, gradient;
};

class Trajectory : public ::testing::Test {
 protected:
  // One sum for every convolution, whatever the processor.
  void SetUp() override { set_conv_policy(kernels::ConvPolicy::kExact); }
  void TearDown() override { set_conv_policy(kernels::ConvPolicy::kFast); }

  void fill(Module& module, const GoldenEntry::Rename& rename) {
    module.load_state(formula_state(module, seed_, rename));
  }
  void fill(Module& module, const std::string& prefix) {
    fill(module, [&](const std::string& name) { return prefix + name; });
  }
  Tensor images(const std::string& stage, int step) const {
    const std::string name = stage + ".images." + std::to_string(step);
    const std::vector<float> values = formula_between(name, seed_, batch_ * 3 * 32 * 32, -2, 2);
    return Tensor::from(rounded(values, name, seed_, rounding_), {batch_, 3, 32, 32});
  }
  /// Those that the step's row lists, or else the formula's.
  Tensor labels(int step, const json& row = {}) const {
    std::vector<std::int32_t> values;
    for (dim_t i = 0; i < batch_; ++i) values.push_back(std::int32_t((i + 3 * step) % classes_));
    if (row.contains("labels")) values = row["labels"].get<std::vector<std::int32_t>>();
    return Tensor::from(values, {dim_t(values.size())});
  }
  std::unique_ptr<Network> network(const std::string& arch) const {
    return make_network(arch, classes_, {.seed = 1, .image = {3, 32, 32}});
  }
  /// A set to make a task for; its images are never used.
  ImageDataset unused_images() const {
    ImageDataset data;
    data.count = 2 * batch_;
    data.channels = 3;
    data.height = data.width = 32;
    data.num_classes = classes_;
    data.pixels.assign(std::size_t(data.count * data.image_bytes()), 0);
    for (dim_t i = 0; i < data.count; ++i) data.labels.push_back(std::int32_t(i % classes_));
    for (int c = 0; c < classes_; ++c) data.class_names.push_back(std::to_string(c));
    data.normalization = cifar_normalization();
    return data;
  }
  /// `given` holds the settings of the optimiser.
  StudentOptions options(const std::string& method, const json& given) const {
    StudentOptions o;
    o.method = method;
    o.batches.batch_size = batch_;
    o.initial_epochs = 1;
    o.optimizer = {.momentum = given.value("momentum", 0.9f),
                   .nesterov = given["nesterov"],
                   .weight_decay = given["weight_decay"]};
    o.schedule.base_lr = 0.1;
    return o;
  }
  /// Logits of the first images of a stage after training.
  void expect_logits(Network& network, const std::string& stage, const json& expected, double tolerance) {
    network.eval();
    const NoGradGuard no_grad;
    const std::vector<float> got = network.forward(images(stage, 0)).to_vector();
    double largest = 0;
    for (const auto& row : expected)
      for (const double value : row) largest = std::max(largest, std::abs(value));
    std::size_t at = 0;
    for (const auto& row : expected)
      for (const double value : row) expect_relative(got.at(at++), value, tolerance, "evaluation logits", largest);
  }
  /// The norms of tensors by their names in the file.
  void expect_norms(const StateDict& state, const GoldenEntry::Rename& rename, const json& listed, double tolerance,
                    const std::string& without = "") {
    std::map<std::string, Tensor> by_name;
    for (const auto& [name, tensor] : state) by_name[rename(name)] = tensor;
    for (const auto& row : listed) {
      const std::string name = row["name"];
      if (!without.empty() && name.find(without) != std::string::npos) continue;
      const auto found = by_name.find(name);
      ASSERT_TRUE(found != by_name.end()) << "no tensor " << name;
      expect_relative(joint_norm({found->second}), row["norm"], tolerance, "norm of " + name + " after", 0.1);
    }
  }

  std::uint64_t seed_ = 0;
  dim_t batch_ = 0;
  int classes_ = 0;
  int rounding_ = 0;  ///< the try of expect_a_rounding_follows(), by which the images' last bits go
};

// --- IE-KD.

class IeKdTrajectory : public Trajectory {
 protected:
  void SetUp() override {
    Trajectory::SetUp();
    const json& config = file_["config"];
    seed_ = config["seed"];
    batch_ = config["B"];
    classes_ = config["K"];
    teacher_ = network(arch_of(config["teacher"]));
    fill(*teacher_, "teacher.");
  }

  std::unique_ptr<DistillationTask> task(Network& student, const std::string& method) {
    return std::make_unique<DistillationTask>(student, std::vector<Network*>{teacher_.get()}, unused_images(),
                                              options(method, file_));
  }
  /// A term's children under the file's names.
  void fill_term(DistillationLoss& term, const GoldenEntry::Rename& rename) {
    term.load_state(formula_state(term, seed_, rename));
  }
  /// The steps of the auto-encoder.
  void run_stage1(DistillationTask& task) {
    for (const auto& row : file_["stage1"]) {
      task.step_on(images("stage1", row["step"]), labels(row["step"], row), true, file_["lr_stage1"]);
      const double loss = value_of(task.meters().read(0), "train/loss");
      expect_relative(loss, row["L_rec"], row["step"] == 0 ? 1e-4 : 1e-3, "reconstruction");
    }
  }
  static std::string distance_of(const std::string& loss) {
    if (loss.starts_with("CosLoss")) return "cosine";
    std::smatch p;
    if (!std::regex_search(loss, p, std::regex("'p': ([12])\\b"))) throw std::runtime_error("no distance in " + loss);
    return "l" + p[1].str();
  }
  std::string method_of(const json& variant) {
    const std::string inherit = variant["loss_inh"], explore = variant["loss_exp"];
    json method = {{"name", "ie-ft"},
                   {"width", file_["config"]["fac"]},
                   {"inherit", variant["lambda_inh"]},
                   {"explore", variant["lambda_exp"]},
                   {"split", variant["split"].is_string() ? "natural" : "random"},
                   {"distance", distance_of(inherit)},
                   {"flip", explore.find("'negative': False") != std::string::npos}};
    return method.dump();
  }
  /// The checkpoint's way of giving a task its split.
  struct SplitWriter : StateVisitor {
    explicit SplitWriter(const std::vector<std::int32_t>& order) : order(order) {}
    using StateVisitor::visit;
    void visit(const std::string& name, const Tensor& tensor) override {
      if (name.ends_with(".inherited") || name.ends_with(".explored")) {
        const dim_t first = name.ends_with(".inherited") ? 0 : dim_t(order.size()) - tensor.numel();
        std::copy_n(order.begin() + first, tensor.numel(), tensor.data<std::int32_t>());
        ++found;
      }
    }
    void visit(const std::string&, std::vector<std::int64_t>&) override {}
    void visit(const std::string&, std::vector<double>&) override {}
    void visit(const std::string&, Generator&) override {}
    std::vector<std::int32_t> order;
    int found = 0;
  };

  /// The auto-encoder after the first stage.
  StateDict trained_auto_encoder();
  /// Takes the second stage's steps, up to the first that leaves `misses`. Returns how many it took.
  std::size_t follow(const json& variant, const StateDict& trained, const ::testing::TestPartResultArray& misses);

  const json file_ = golden_json("ie_kd_trajectory.json");
  std::unique_ptr<Network> teacher_;
};

StateDict IeKdTrajectory::trained_auto_encoder() {
  const json& variant = file_["variants"][0];
  auto student = network(arch_of(variant["net"]));
  auto run = task(*student, method_of(variant));
  DistillationLoss& term = *run->terms()[0];
  fill_term(term, [](const std::string& name) { return name; });
  run_stage1(*run);
  StateDict trained;
  for (const auto& [name, tensor] : term.state())
    if (name.starts_with("ae.")) trained[name] = tensor.clone();
  expect_norms(
      trained, [](const std::string& name) { return name; }, file_["after_stage1"], 1e-3);
  return trained;
}

std::size_t IeKdTrajectory::follow(const json& variant, const StateDict& trained,
                                   const ::testing::TestPartResultArray& misses) {
  const std::string prefix = variant["parameter_prefix"].get<std::string>() + ".";
  const bool shallow = variant["net"] == file_["config"]["shallow"];
  auto student = network(arch_of(variant["net"]));
  fill(*student, prefix);
  auto run = task(*student, method_of(variant));
  DistillationLoss& term = *run->terms()[0];
  fill_term(term, [](const std::string& name) { return name; });
  StateDict state = term.state();
  for (const auto& [name, tensor] : trained) state[name] = tensor;
  term.load_state(state);
  if (variant["split"].is_array()) {
    SplitWriter writer(variant["split"].get<std::vector<std::int32_t>>());
    term.visit_state("term", writer);
    EXPECT_EQ(writer.found, 2);
  }
  for (const auto& row : variant["steps"]) {
    const int step = row["step"];
    run->step_on(images("stage2", step), labels(step, row), false, variant["lr"]);
    const MeterValues values = run->meters().read(0);
    const double limit = step == 0 ? 2e-4 : shallow ? 1e-3 : 1e-2;
    expect_relative(value_of(values, "train/loss"), row["loss"], limit, "loss");
    expect_relative(value_of(values, "train/ce"), row["ce"], limit, "cross entropy");
    expect_relative(value_of(values, "loss/ie-ft/inherit"), row["L_inh"], limit, "inheritance");
    expect_relative(value_of(values, "loss/ie-ft/explore"), row["L_exp"], limit, "exploration");
    if (misses.size() > 0) return std::size_t(step) + 1;
  }
  const json& after = variant["after"];
  expect_logits(*student, "stage2", after["eval_logits"], 0.1);
  if (after.contains("student"))
    expect_norms(
        student->state(), [&](const std::string& name) { return prefix + name; }, after["student"], 1e-2);
  for (const char* coder : {"e_inh", "e_exp"})
    if (after.contains(coder))
      expect_norms(
          term.state(), [](const std::string& name) { return name; }, after[coder], 1e-2);
  return variant["steps"].size() + 1;
}

TEST_F(IeKdTrajectory, TwoStagesFollowTheReleasedModules) {
  const StateDict trained = trained_auto_encoder();  // which all variants share
  for (const auto& variant : file_["variants"])
    expect_a_rounding_follows(variant["name"], [&](int rounding, const auto& misses) {
      rounding_ = rounding;
      return follow(variant, trained, misses);
    });
}

TEST_F(IeKdTrajectory, FactorTransferFollowsTheReleasedMethod) {
  // The IE-KD code's FT: the same auto-encoder, one coder of the whole map.
  const json& ft = file_["ft"];
  auto student = network(arch_of(file_["config"]["student"]));
  fill(*student, "student.");
  const json method = {{"name", "ie-ft"},
                       {"width", file_["config"]["fac"]},
                       {"inherit", ft["loss_weight"]},
                       {"explore", 0},
                       {"share", 1.0}};
  auto run = task(*student, method.dump());
  DistillationLoss& term = *run->terms()[0];
  fill_term(term, [](const std::string& name) {
    return name.starts_with("e_inh.") ? std::regex_replace(name, std::regex("^e_inh"), "translator") : name;
  });
  for (std::size_t step = 0; step < ft["L_rec"].size(); ++step) {
    run->step_on(images("stage1", int(step)), labels(int(step)), true, ft["lr_paraphraser"]);
    expect_relative(value_of(run->meters().read(0), "train/loss"), ft["L_rec"][step], 1e-3, "reconstruction");
  }
  for (const auto& row : ft["steps"]) {
    const int step = row["step"];
    run->step_on(images("stage2", step), labels(step, row), false, ft["lr"]);
    const MeterValues values = run->meters().read(0);
    const double limit = step == 0 ? 2e-4 : 1e-2;
    expect_relative(value_of(values, "train/loss"), row["loss"], limit, "loss");
    expect_relative(value_of(values, "train/ce"), row["ce"], limit, "cross entropy");
    expect_relative(value_of(values, "loss/ie-ft/inherit"), row["ft"], limit, "factor distance");
  }
  expect_logits(*student, "stage2", ft["after"]["eval_logits"], 0.1);
}

TEST_F(IeKdTrajectory, KnowledgeDistillationFollowsTheReleasedMethod) {
  for (const auto& variant : file_["kd"]) {
    const double alpha = variant["alpha"];
    auto student = network(arch_of(file_["config"]["student"]));
    fill(*student, "student.");
    const json method = {{"name", "kd"}, {"weight", alpha}, {"ce", 1 - alpha}, {"tau", variant["tau"]}};
    auto run = task(*student, method.dump());
    for (const auto& row : variant["steps"]) {
      const int step = row["step"];
      run->step_on(images("stage2", step), labels(step, row), false, variant["lr"]);
      expect_relative(value_of(run->meters().read(0), "train/loss"), row["loss"], step == 0 ? 1e-4 : 1e-3, "loss");
    }
    expect_logits(*student, "stage2", variant["after"]["eval_logits"], 2e-2);
  }
}

// --- AT and OD.

class AtOdTrajectory : public Trajectory {
 protected:
  void SetUp() override {
    Trajectory::SetUp();
    seed_ = file_["seed"];
    batch_ = file_["batch"];
    classes_ = file_["num_classes"];
  }
  static std::string wrn(const json& depth_width) {
    return "wrn-" + std::to_string(depth_width[0].get<int>()) + "-" + std::to_string(depth_width[1].get<int>());
  }
  std::unique_ptr<DistillationTask> task(Network& student, Network& teacher, const std::string& method,
                                         const json& run) {
    return std::make_unique<DistillationTask>(student, std::vector<Network*>{&teacher}, unused_images(),
                                              options(method, run));
  }
  /// Names of the functional network of the AT code, which come without ".weight" for convolutions.
  static std::string at_name(const std::string& name) {
    std::smatch m;
    if (std::regex_match(name, m, std::regex("block(\\d)\\.layer\\.(\\d+)\\.(\\w+)\\.(\\w+)"))) {
      std::string layer = m[3], field = "." + m[4].str();
      if (layer == "convShortcut")
        layer = "convdim", field = "";
      else if (layer.starts_with("conv"))
        layer = "conv" + std::to_string(layer.back() - '1'), field = "";
      else
        layer = "bn" + std::to_string(layer.back() - '1');
      return "group" + std::to_string(std::stoi(m[1]) - 1) + ".block" + m[2].str() + "." + layer + field;
    }
    if (name == "conv1.weight") return "conv0";
    return std::regex_replace(name, std::regex("^bn1"), "bn");
  }
  static std::string rep_name(const std::string& name) {
    return std::regex_replace(std::regex_replace(name, std::regex("shortcut"), "downsample"), std::regex("^linear"),
                              "fc");
  }

  const json file_ = golden_json("at_od_trajectory.json");
};

TEST_F(AtOdTrajectory, NoRunIsLeftOut) {
  for (const auto& [key, run] : file_.items())
    EXPECT_TRUE(!run.is_object() || !run.contains("steps") || key.starts_with("at_official") ||
                key.starts_with("at_repdistiller") || key.starts_with("od_"))
        << "no test follows " << key;
}

TEST_F(AtOdTrajectory, AttentionTransferFollowsTheReleasedCode) {
  for (const auto& [key, run] : file_.items()) {
    if (!key.starts_with("at_official")) continue;
    SCOPED_TRACE(key);
    auto student = network(wrn(run["nets"]["student"])), teacher = network(wrn(run["nets"]["teacher"]));
    const auto named = [](const std::string& prefix) {
      return [prefix](const std::string& name) { return prefix + at_name(name); };
    };
    fill(*student, named("at.student."));
    fill(*teacher, named("at.teacher."));
    json at = {{"name", "at"}, {"weight", run["beta"]}};
    std::string method = at.dump();
    const double alpha = run["alpha"];
    if (alpha > 0)
      method += "+" + json({{"name", "kd"}, {"weight", alpha}, {"ce", 1 - alpha}, {"tau", run["tau"]}}).dump();
    auto t = task(*student, *teacher, method, run);
    for (const auto& row : run["steps"]) {
      const int step = row["step"];
      t->step_on(images("at", step), labels(step, row), false, run["lr"]);
      const MeterValues values = t->meters().read(0);
      expect_relative(value_of(values, "train/loss"), row["loss"], 1e-4, "loss");
      expect_relative(value_of(values, "loss/at"), sum_of(row["at"]), 1e-4, "attention");
    }
    expect_norms(student->state(), named("at.student."), run["after"]["student"], 1e-4);
    expect_logits(*student, "at", run["after"]["eval_logits"], 1e-3);
  }
}

TEST_F(AtOdTrajectory, AttentionTransferFollowsRepDistiller) {
  for (const auto& [key, run] : file_.items()) {
    if (!key.starts_with("at_repdistiller")) continue;
    SCOPED_TRACE(key);
    auto student = network(run["nets"]["student"]), teacher = network(run["nets"]["teacher"]);
    const auto named = [](const std::string& prefix) {
      return [prefix](const std::string& name) { return prefix + rep_name(name); };
    };
    fill(*student, named("atr.student."));
    fill(*teacher, named("atr.teacher."));
    auto t = task(*student, *teacher, json({{"name", "at"}, {"weight", run["beta"]}}).dump(), run);
    for (const auto& row : run["steps"]) {
      const int step = row["step"];
      t->step_on(images("atr", step), labels(step, row), false, run["lr"]);
      const MeterValues values = t->meters().read(0);
      expect_relative(value_of(values, "train/loss"), row["loss"], 1e-4, "loss");
      expect_relative(value_of(values, "train/ce"), row["ce"], 1e-4, "cross entropy");
      expect_relative(value_of(values, "loss/at"), sum_of(row["at"]), 1e-4, "attention");
    }
    expect_norms(student->state(), named("atr.student."), run["after"]["student"], 1e-3);
    expect_logits(*student, "atr", run["after"]["eval_logits"], 1e-3);
  }
}

TEST_F(AtOdTrajectory, OverhaulDistillationFollowsTheReleasedCode) {
  for (const auto& [key, run] : file_.items()) {
    if (!key.starts_with("od_")) continue;
    SCOPED_TRACE(key);
    const bool wide = run["nets"]["kind"] == "WideResNet";
    const auto arch = [&](const char* who) {
      const json& net = run["nets"][who];
      return wide ? wrn(net) : "resnet" + std::to_string(net.get<int>());
    };
    const std::string name = run["name"];
    const auto named = [&](const std::string& prefix) {
      return [prefix, wide](const std::string& n) { return prefix + (wide ? n : rep_name(n)); };
    };
    auto student = network(arch("student")), teacher = network(arch("teacher"));
    fill(*student, named(name + ".student."));
    fill(*teacher, named(name + ".teacher."));
    auto t = task(*student, *teacher, "od", run);
    DistillationLoss& term = *t->terms()[0];
    const auto connector = [&](const std::string& n) {
      return std::regex_replace(n, std::regex("^connectors\\."), name + ".connector");
    };
    term.load_state(formula_state(term, seed_, connector));
    for (const auto& row : run["steps"]) {
      const int step = row["step"];
      t->step_on(images(name, step), labels(step, row), false, run["lr"]);
      const MeterValues values = t->meters().read(0);
      expect_relative(value_of(values, "train/loss"), row["loss"], 1e-4, "loss");
      expect_relative(value_of(values, "train/ce"), row["ce"], 1e-4, "cross entropy");
      expect_relative(value_of(values, "loss/od"), row["distill"], 1e-4, "distillation");
    }
    expect_norms(term.state(), connector, run["after"]["connectors"], 1e-3);
    // The released WideResNet runs its closing normalisation twice a step, which moves its statistics twice; ours once.
    expect_norms(student->state(), named(name + ".student."), run["after"]["student"], 1e-3,
                 wide ? name + ".student.bn1.running" : "");
    if (!wide) expect_logits(*student, name, run["after"]["eval_logits"], 1e-3);
  }
}

// --- DML and IE-DML.

class DmlTrajectory : public Trajectory {
 protected:
  void SetUp() override {
    Trajectory::SetUp();
    seed_ = file_["config"]["seed"];
    batch_ = file_["config"]["B"];
    classes_ = file_["config"]["K"];
  }

  /// Takes a run's steps, up to the first that leaves `misses`. Returns how many it took.
  std::size_t follow(const std::string& key, const json& run, const ::testing::TestPartResultArray& misses) {
    const bool halves = key.starts_with("ie_dml"), shallow = key.ends_with("shallow");
    const json& config = file_["config"];
    const json nets = run.value("nets", json::array({config["net1"], config["net2"]}));
    const std::string prefix = run.value("parameter_prefix", "net");
    MutualOptions mutual;
    mutual.update = key.find("common") != std::string::npos ? "common" : "sequential";
    mutual.peers = arch_of(nets[1]);
    mutual.halves = halves;
    mutual.kl = run.value("kl_weight", 1.0);
    if (halves) {
      mutual.inherit = run["lambda_inh"];
      mutual.explore = run["lambda_exp"];
      mutual.reconstruct = run["lambda_rec"];
      mutual.width = config["fac"];
    }
    auto student = network(arch_of(nets[0]));
    MutualLearningTask task(*student, unused_images(), options("dml", file_), mutual);
    for (int i = 0; i < 2; ++i) {
      const std::string n = std::to_string(i + 1);
      fill(task.network(i), prefix + n + ".");
      for (const NamedModule& helper : task.helpers(i)) fill(*helper.module, helper_name(helper.name, n));
    }
    const double rate = run.contains("lr") ? run["lr"] : file_["lr"];
    for (const auto& row : run["steps"]) {
      const int step = row["step"];
      const auto values = task.step_on(images("dml", step), labels(step, row), rate);
      const double loss = step == 0 ? 2e-4 : shallow ? 1e-3 : 1e-2, gradient = step == 0 ? 3e-3 : shallow ? 3e-2 : 1e-1;
      for (int i = 0; i < 2; ++i) expect_network(values[std::size_t(i)], row, i + 1, loss, gradient, task);
      if (misses.size() > 0) return std::size_t(step) + 1;
    }
    if (run["after"].contains("eval_logits"))
      for (int i = 0; i < 2; ++i)
        expect_logits(task.network(i), "dml", run["after"]["eval_logits"][std::size_t(i)], 0.15);
    for (int i = 0; i < 2; ++i) {
      const std::string n = std::to_string(i + 1);
      if (run["after"].contains("net" + n))
        expect_norms(
            task.network(i).state(), [&](const std::string& name) { return prefix + n + "." + name; },
            run["after"]["net" + n], 1e-2);
    }
    return run["steps"].size() + 1;
  }

  static std::string helper_name(const std::string& name, const std::string& n) {
    return name == "ae" ? "ae" + n + "." : "e" + n + name.substr(1) + ".";
  }

  void expect_network(const MutualLearningTask::Values& v, const json& row, int n, double limit, double gradient,
                      const MutualLearningTask& task) {
    const std::string i = std::to_string(n);
    const std::pair<const char*, const Tensor*> parts[] = {{"loss", &v.loss},     {"ce", &v.ce},
                                                           {"kl", &v.kl},         {"L_inh", &v.inherit},
                                                           {"L_exp", &v.explore}, {"L_rec", &v.reconstruct}};
    for (const auto& [name, value] : parts)
      if (row.contains(name + i)) expect_relative(value->item(), row[name + i], limit, name + i);
    std::vector<Tensor> own;
    const auto& parameters = task.member_parameters(n - 1);
    for (std::size_t p = 0; p < parameters.size(); ++p)
      if (parameters[p].name.starts_with("net.")) own.push_back(v.gradients[p]);
    for (const std::string& key : {"grad_norm" + i, "grad_norm_net" + i})
      if (row.contains(key)) expect_relative(joint_norm(own), row[key], gradient, key);
  }

  const json file_ = golden_json("dml_trajectory.json");
};

TEST_F(DmlTrajectory, NetworksLearnAsInTheReleasedLoops) {
  int runs = 0;
  for (const auto& [key, run] : file_.items()) {
    if (!run.is_object() || !run.contains("steps")) continue;
    expect_a_rounding_follows(key, [&, &name = key, &expected = run](int rounding, const auto& misses) {
      rounding_ = rounding;
      return follow(name, expected, misses);
    });
    ++runs;
  }
  EXPECT_GT(runs, 0);
}

}  // namespace
}  // namespace engram::testing
