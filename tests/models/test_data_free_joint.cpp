/// The first steps of the methods that train generator and student together, against the released programs in float64
/// (tests/golden/dafl_, zskt_, dfad_, generative_, pre_dfkd_trajectory.json).

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/data_free/dafl.h"
#include "models/methods/data_free/data_free_registry.h"
#include "models/methods/data_free/dfad.h"
#include "models/methods/data_free/generative.h"
#include "models/methods/data_free/pre_dfkd.h"
#include "models/methods/data_free/zskt.h"
#include "models/nets/make_network.h"
#include "models/training/step_runner.h"
#include "tests/support/data_free_replay_test.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden_tensor.h"

namespace engram::testing {
namespace {

using nlohmann::json;

class JointMethods : public DataFreeReplay {
 protected:
  DataFreeProblem problem() { return {*teacher_, *student_, replay_normalization(data_), 1}; }
  void expect_meter(TrainingTask& task, const std::string& name, const json& expected, std::size_t step) {
    expect_relative(meter(task, name), expected, limits_.of(name, step), message(name, " in step ", step), 1e-3);
  }
};

TEST_F(JointMethods, DaflFollowsTheReleasedProgram) {
  read("dafl_trajectory.json");
  limits_ = ReplayLimits({{"loss/total", {0, 1.2e-3, 5.4e-2}},
                          {"loss/one_hot", {0, 2.0e-3, 1.1e-2}},
                          {"loss/entropy", {0, 0, 1.1e-3}},
                          {"loss/activation", {0, 0, 7.6e-3}},
                          {"loss/distillation", {0, 4.1e-3, 2.7e-2}},
                          {"grad/generator", {6.0e-5, 1.6e-2, 7.8e-2}},
                          {"grad/student", {0, 5.4e-3, 6.9e-3}},
                          {"generator.l1.0.weight", {8.7e-4}},
                          {"generator.conv_blocks1.0.weight", {7.9e-4}},
                          {"generator.conv_blocks2.3.bias", {7.1e-2}},
                          {"generator.conv_blocks2.5.running_mean", {1.0e-1}},
                          {"generator.conv_blocks2.5.running_var", {1.2e-3}},
                          {"student.bn1.running_mean", {3.6e-4}},
                          {"student.bn1.running_var", {2.2e-3}},
                          {"student.linear.bias", {1.1e-2}},
                          {"logits", {7.9e-2}}});
  const json &s = data_["settings"], &steps = data_["steps"];
  const std::string names = data_["names"];
  expect_followed("dafl", [&] {
    networks("dafl", arch_in(names, "teacher"), arch_in(names, "student"), int(steps[0]["outputs_T_row0"].size()));
    const dim_t latent = std::stoll(names.substr(names.find("latent ") + 7));
    DaflTask task(problem(), {.batch_size = batch_,
                              .latent = latent,
                              .one_hot = s["oh"],
                              .entropy = s["ie"],
                              .activation = s["a"],
                              .lr_generator = s["lr_G"],
                              .lr_student = s["lr_S"]});
    fill_as_constructed(task.generator(), "dafl.generator", seed_);
    StepRunner runner(task);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      task.noise().give(noise(message("dafl.z", i), {batch_, latent}));
      runner.run(dim_t(i));
      for (const auto& [name, value] : {std::pair{"loss/total", "loss"},
                                        {"loss/one_hot", "loss_one_hot"},
                                        {"loss/entropy", "loss_information_entropy"},
                                        {"loss/activation", "loss_activation"},
                                        {"loss/distillation", "loss_kd"},
                                        {"grad/generator", "grad_generator"},
                                        {"grad/student", "grad_student"}})
        expect_meter(task, name, steps[i][value], i);
      if (missed()) return;
    }
    expect_state(task.generator(), data_["generator_after"], limits_, "generator.");
    expect_student(*student_, data_["student_after"], seed_, limits_);
  });
}

TEST_F(JointMethods, ZsktFollowsTheReleasedProgram) {
  read("zskt_trajectory.json");
  limits_ = ReplayLimits({{"loss/generator", {0, 0, 0, 4.9e-4, 4.9e-4, 4.9e-4, 1.8e-3}},
                          {"loss/student", {0, 3.9e-4, 1.2e-3, 1.2e-3, 1.9e-2}},
                          {"grad/generator", {0, 0, 0, 1.2e-2, 1.2e-2, 1.2e-2, 3.1e-2}},
                          {"grad/student", {0, 7.1e-3, 7.4e-3, 7.4e-3, 1.6e-2, 3.5e-2, 3.5e-2, 4.2e-2, 5.2e-2}},
                          {"loss/attention", {0, 4.1e-4, 1.3e-3, 1.3e-3, 2.1e-2}},
                          {"generator.layers.2.running_mean", {3.3e-4}},
                          {"student.bn1.running_mean", {1.0e-3}},
                          {"student.bn1.running_var", {1.5e-3}},
                          {"logits", {1.6e-2}}});
  const json &s = data_["settings"], &steps = data_["steps"];
  const std::string names = data_["names"];
  expect_followed("zskt", [&] {
    networks("zskt", arch_in(names, "teacher"), arch_in(names, "student"), int(steps[0]["teacher_logits_row0"].size()));
    dim_t student_steps = 0;
    while (steps[std::size_t(student_steps + 1)]["kind"] == "student") ++student_steps;
    ZsktTask task(problem(), {.batch_size = batch_,
                              .epochs = 1,
                              .pseudo_batches = s["cosine_T_max"],
                              .latent = s["z_dim"],
                              .student_steps = student_steps,
                              .attention = s["AT_beta"],
                              .clip = s["clip"],
                              .lr_generator = s["lr_generator"],
                              .lr_student = s["lr_student"]});
    fill_as_constructed(task.generator(), "zskt.generator", seed_);
    StepRunner runner(task);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const bool makes = steps[i]["kind"] == "generator";
      EXPECT_EQ(task.phase(dim_t(i)) == 0, makes);
      if (makes)
        task.noise().give(noise("zskt.z" + steps[i]["pseudo_batch"].dump(), {batch_, s["z_dim"].get<dim_t>()}));
      runner.run(dim_t(i));
      expect_meter(task, makes ? "loss/generator" : "loss/student", steps[i]["loss"], i);
      expect_meter(task, makes ? "grad/generator" : "grad/student", steps[i]["total_norm_before_clip"], i);
      if (!makes) {
        double attention = 0;
        for (const double term : steps[i]["attention_terms"]) attention += term;
        expect_meter(task, "loss/attention", attention, i);
      }
      if (missed()) return;
    }
    expect_state(task.generator(), data_["generator_after"], limits_, "generator.");
    expect_student(*student_, data_["student_after"], seed_, limits_);
  });
}

TEST_F(JointMethods, DfadFollowsTheReleasedProgram) {
  read("dfad_trajectory.json");
  limits_ = ReplayLimits({{"loss/student", {0, 0, 6.4e-4, 8.2e-3, 3.8e-2}},
                          {"loss/generator", {0, 0, 0, 0, 0, 1.0e-1}},
                          {"grad/student", {0, 0, 2.8e-3, 3.9e-3}},
                          {"grad/generator", {0, 0, 0, 0, 0, 2.6e-2}},
                          {"generator.conv_blocks2.3.bias", {3.5e-2}},
                          {"student.bn1.weight", {3.7e-4}},
                          {"student.bn1.running_var", {4.9e-4}},
                          {"student.linear.bias", {2.0e-2}},
                          {"logits", {1.0e-1}}});
  const json &s = data_["settings"], &steps = data_["steps"];
  const std::string names = data_["names"];
  expect_followed("dfad", [&] {
    networks("dfad", arch_in(names, "teacher"), arch_in(names, "student"), int(steps[0]["t_logit_row0"].size()));
    dim_t student_steps = 0;
    while (steps[std::size_t(student_steps)]["kind"] == "student") ++student_steps;
    DfadTask task(problem(), {.batch_size = batch_,
                              .latent = s["nz"],
                              .student_steps = student_steps,
                              .lr_generator = s["lr_G"],
                              .lr_student = s["lr_S"]});
    fill_as_constructed(task.generator(), "dfad.generator", seed_);
    StepRunner runner(task);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const bool makes = steps[i]["kind"] == "generator";
      EXPECT_EQ(task.phase(dim_t(i)) == 1, makes);
      task.noise().give(noise(message("dfad.z", i), {batch_, s["nz"].get<dim_t>()}));
      runner.run(dim_t(i));
      expect_meter(task, makes ? "loss/generator" : "loss/student", steps[i]["loss"], i);
      expect_meter(task, makes ? "grad/generator" : "grad/student", steps[i]["grad_norm"], i);
      if (missed()) return;
    }
    expect_state(task.generator(), data_["generator_after"], limits_, "generator.");
    expect_student(*student_, data_["student_after"], seed_, limits_);
  });
}

TEST_F(JointMethods, CmisBenchmarkFollowsTheReleasedProgram) {
  read("generative_trajectory.json");
  const std::map<std::string, ReplayLimits> limits = {
      {"dafl", ReplayLimits({{"loss/student", {0, 0, 0, 7.4e-4, 7.4e-4, 1.9e-3}},
                             {"grad/generator", {0, 0, 4.6e-3, 4.6e-3, 8.1e-3}},
                             {"grad/student", {0, 2.2e-3}},
                             {"generator.conv_blocks.9.bias", {5.3e-4}},
                             {"student.block1.layer.0.bn1.running_mean", {3.3e-3}},
                             {"logits", {1.3e-3}}})},
      {"dfad", ReplayLimits({{"loss/generator", {0, 0, 1.8e-3, 1.8e-3, 7.7e-3}},
                             {"loss/student", {0, 0, 0, 3.2e-3, 3.2e-3, 1.1e-2}},
                             {"loss/bn", {0, 0, 0, 0, 5.3e-4}},
                             {"loss/one_hot", {0, 0, 3.4e-4, 3.4e-4, 1.2e-3}},
                             {"loss/activation", {0, 0, 0, 0, 1.4e-3}},
                             {"loss/adversarial", {0, 0, 1.8e-3, 1.8e-3, 7.7e-3}},
                             {"grad/generator", {3.6e-5, 0, 2.8e-3, 2.8e-3, 1.0e-2}},
                             {"grad/student", {0, 1.1e-3, 1.1e-3, 2.2e-3, 2.2e-3, 1.4e-2}},
                             {"student.fc.bias", {7.5e-4}},
                             {"student.block1.layer.0.bn1.running_mean", {8.2e-3}},
                             {"student.block1.layer.0.bn1.running_var", {6.3e-4}},
                             {"logits", {9.0e-3}}})},
      {"dfq", ReplayLimits({{"loss/student", {0, 4.4e-4, 4.4e-4, 4.4e-4, 4.4e-4, 1.5e-2}},
                            {"loss/one_hot", {0, 0, 0, 0, 6.3e-4}},
                            {"loss/activation", {0, 0, 0, 0, 6.6e-4}},
                            {"loss/adversarial", {0, 0, 0, 0, 2.9e-3}},
                            {"grad/generator", {0, 0, 3.4e-3, 3.4e-3, 7.6e-3}},
                            {"grad/student", {0, 9.2e-4, 9.2e-4, 9.9e-4, 9.9e-4, 5.4e-3}},
                            {"student.fc.bias", {1.1e-3}},
                            {"student.block1.layer.0.bn1.running_mean", {7.8e-4}},
                            {"logits", {1.2e-3}}})},
      {"zskt", ReplayLimits({{"loss/generator", {0, 0, 5.8e-4, 5.8e-4, 6.7e-3}},
                             {"loss/student", {0, 0, 0, 6.6e-4, 6.6e-4, 3.0e-3}},
                             {"loss/activation", {0, 0, 0, 0, 4.1e-4}},
                             {"loss/adversarial", {0, 0, 5.8e-4, 5.8e-4, 6.7e-3}},
                             {"grad/generator", {0, 0, 6.3e-3, 6.3e-3, 1.1e-2}},
                             {"grad/student", {0, 6.8e-4, 6.8e-4, 1.4e-3, 1.4e-3, 4.5e-3}},
                             {"student.block1.layer.0.bn1.running_mean", {2.9e-3}},
                             {"logits", {6.2e-3}}})}};
  for (const auto& [method, entry] : data_.items()) {
    if (!entry.is_object() || !entry.contains("coefficients")) continue;
    limits_ = limits.contains(method) ? limits.at(method) : ReplayLimits();
    const json &c = entry["coefficients"], &steps = entry["steps"];
    expect_followed(method, [&] {
      networks(method, arch_in(data_["teacher"]), arch_in(data_["student"]), data_["classes"]);
      const bool l1 = entry["kd_criterion"].get<std::string>().find("L1") != std::string::npos;
      GenerativeTask task(problem(), {.weights = {.adv = c["adv"],
                                                  .bn = c["bn"],
                                                  .oh = c["oh"],
                                                  .act = c["act"],
                                                  .balance = c["balance"],
                                                  .distance = l1 ? StudentDistance::kL1 : StudentDistance::kKl},
                                      .batch_size = batch_,
                                      .latent = entry["nz"],
                                      .student_steps = 1,
                                      .lr_generator = entry["lr_g"],
                                      .lr_student = entry["lr_s"]});
      fill_as_constructed(task.generator(), method + ".generator", seed_);
      StepRunner runner(task);
      for (std::size_t i = 0; i < steps.size(); ++i) {
        const json &generator = steps[i]["generator"], &student = steps[i]["kd"];
        const Shape shape = {batch_, entry["nz"]};
        task.noise().give(noise(message(method, ".zg", i), shape));
        runner.run(dim_t(2 * i));
        expect_meter(task, "loss/generator", generator["loss"], 2 * i);
        expect_meter(task, "grad/generator", generator["grad_generator"], 2 * i);
        expect_meter(task, "loss/one_hot", generator["loss_oh"], 2 * i);
        expect_meter(task, "loss/balance", generator["loss_balance"], 2 * i);
        if (c["bn"] != 0) expect_meter(task, "loss/bn", generator["loss_bn"], 2 * i);
        if (c["act"] != 0) expect_meter(task, "loss/activation", generator["loss_act"], 2 * i);
        expect_meter(task, "loss/adversarial", generator["loss_adv"], 2 * i);
        task.noise().give(noise(message(method, ".zs", i), shape));
        runner.run(dim_t(2 * i + 1));
        expect_meter(task, "loss/student", student["loss"], 2 * i + 1);
        expect_meter(task, "grad/student", student["grad_norm_student"], 2 * i + 1);
        if (missed()) return;
      }
      expect_state(task.generator(), entry["generator_after"], limits_, "generator.");
      expect_student(*student_, entry["student_after"], seed_, limits_);
    });
  }
}

TEST_F(JointMethods, PreDfkdFollowsTheReleasedProgram) {
  read("pre_dfkd_trajectory.json");
  limits_ = ReplayLimits({{"grad/novel", {0, 0, 0, 9.8e-3}},
                          {"grad/student", {0, 2.0e-3, 2.0e-3, 2.0e-3, 9.5e-3}},
                          {"loss/student", {0, 1.5e-3, 1.5e-3, 1.5e-3, 1.7e-3}},
                          {"loss/memory", {0, 0, 5.2e-4, 5.2e-4, 5.2e-4, 6.3e-3}},
                          {"grad/memory", {0, 0, 4.8e-3, 4.8e-3, 4.8e-3, 1.9e-2}},
                          {"memory.conv_blocks3.0.bias", {9.4e-3}},
                          {"student.bn1.running_mean", {5.1e-4}}});
  const json &s = data_["settings"], &steps = data_["steps"];
  const std::string names = data_["names"];
  const std::string count = names.substr(0, names.find(" classes"));
  const std::string arch = arch_in(names, "pre.teacher");
  expect_followed("pre", [&] {
    networks("pre", arch, arch, std::stoi(count.substr(count.rfind(' '))));
    const dim_t latent = s["latent_dim"], memory = s["num_mem_samples"];
    PreDfkdTask task(problem(), {.batch_size = s["batch_size"],
                                 .memory_images = memory,
                                 .student_steps = 1,
                                 .memory_steps = 1,
                                 .latent = latent,
                                 .one_hot = s["oh"],
                                 .entropy = s["ie"],
                                 .activation = s["a"],
                                 .lr_generator = s["lr_G"],
                                 .lr_student = s["lr_S"]});
    for (const auto& [module, name] : {std::pair<Module*, const char*>{&task.novel(), "pre.novel"},
                                       {&task.memory(), "pre.memory"},
                                       {&task.encoder(), "pre.encoder"}})
      fill_as_constructed(*module, name, seed_);
    for (const NamedTensor& named : task.novel().named_state())
      if (named.name.ends_with("weight_u") || named.name.ends_with("weight_v"))
        copy_into(named.tensor, named.tensor / norm(named.tensor));
    StepRunner runner(task);
    std::size_t encoded = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const std::string kind = steps[i]["step"];
      const json& terms = steps[i]["backwards"].back();
      const std::size_t round = i / 3;
      const auto give = [&](const std::string& name, dim_t rows) {
        task.noise().give(noise("pre." + name, {rows, latent}));
      };
      if (kind == "train_novel_generator") give(message("zg", round), batch_);
      if (kind == "distill_knowledge") {
        give(message("zmem_s", round), memory);
        give(message("zd", round), batch_);
      }
      if (kind == "train_memory_generator") {
        if (round > 0) give(message("zmem_g", round), memory);
        give(message("eps", encoded++), batch_ / 2 + (round > 0 ? memory : 0));
      }
      runner.run(dim_t(i));
      if (kind == "train_novel_generator") {
        expect_meter(task, "loss/novel", terms["loss_gen"], i);
        expect_meter(task, "loss/matching", terms["loss_match_T"], i);
        expect_meter(task, "loss/competition", terms["loss_disaggreement"], i);
        expect_meter(task, "grad/novel", steps[i]["grad_novel"], i);
      } else if (kind == "distill_knowledge") {
        expect_meter(task, "loss/student", terms["loss_kd"], i);
        expect_meter(task, "grad/student", steps[i]["grad_student"], i);
      } else {
        expect_meter(task, "loss/memory", terms["mem_gen_loss"], i);
        expect_meter(task, "grad/memory", steps[i]["grad_memory"], i);
      }
      if (missed()) return;
    }
    const json& after = data_["after"];
    expect_state(task.novel(), after["novel"], limits_, "novel.");
    expect_state(task.memory(), after["memory"], limits_, "memory.");
    expect_state(task.encoder(), after["encoder"], limits_, "encoder.");
    expect_state(*student_, after["student"], limits_, "student.");
  });
}

TEST(DataFreeMethods, RefuseNetworksThatDoNotFit) {
  const auto make = [&](const std::string& arch, int classes, ImageShape shape = {3, 8, 8}) {
    return make_network(arch, classes, {.image = shape});
  };
  const auto teacher = make("wrn-10-1", 4), student = make("wrn-10-1", 4);
  const auto task = [&](Network& t, Network& s, const std::string& method) {
    make_data_free_task(method, {t, s, cifar_normalization(), 1});
  };
  EXPECT_ERROR(task(*teacher, *make("wrn-10-1", 3), "dafl"), DataError, "4 classes, got one of 3");
  EXPECT_ERROR(task(*teacher, *make("wrn-10-1", 4, {3, 16, 16}), "dafl"), DataError, "3x8x8, got one of 3x16x16");
  EXPECT_ERROR(task(*teacher, *make("resnet18-w16", 4), "zskt"), DataError, "\"attention\": 0");
  const auto plain = make(R"({"name": "vgg8", "head": "average", "width": 16, "batch_norm": false})", 4);
  for (const char* method : {"dfq", "cmi", "fast", "nayer", "deepinv-cmi"})
    EXPECT_ERROR(task(*plain, *student, method), DataError, "batch normalisation");
  EXPECT_ERROR(task(*teacher, *student, "dalf"), UsageError, "dafl");
  EXPECT_ERROR(task(*teacher, *student, R"({"name": "dafl", "batch_size": 0})"), UsageError, "batch_size");
  EXPECT_ERROR(task(*teacher, *student, R"({"name": "cmi", "warmup": 200})"), UsageError, "warmup of 0 to 199");
  EXPECT_ERROR(task(*teacher, *student, R"({"name": "cmi", "synthesis_batch": 3})"), UsageError, "multiple of the 3");
  EXPECT_ERROR(make_data_free_task("dafl", {*teacher, *student, {{0.5f}, {0.5f}}, 1}), DataError, "3 constants");
}

TEST(DataFreeMethods, EpochsOfAPoolMakeImagesAndThenTeach) {
  const auto make = [] { return make_network("wrn-10-1", 4, {.image = {3, 8, 8}}); };
  const auto teacher = make(), student = make();
  const auto task = make_data_free_task(
      R"({"name": "fast", "inversion": "{\"name\": \"fast\", \"latent\": 3}", "synthesis_batch": 2, "iterations": 2,)"
      R"( "warmup": 1, "warmup_rounds": 3, "epochs": 2, "student_steps": 5, "batch_size": 3})",
      {*teacher, *student, cifar_normalization(), 1});
  EXPECT_EQ(task->steps_per_epoch(), 7) << "2 of a batch of images, 5 of the student";
  std::vector<int> phases;
  for (dim_t step = 0; step < task->total_steps(); ++step)
    phases.push_back(task->phase(step) > 1 ? 2 : task->phase(step));
  EXPECT_EQ(phases, (std::vector<int>{2, 2, 2, 2, 2, 2, 1, 2, 2, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace engram::testing
