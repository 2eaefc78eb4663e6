/// What holds for distillation tasks and terms beside stored values.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "engine/autograd.h"
#include "models/methods/distillation/decoupled.h"
#include "models/methods/distillation/distillation_task.h"
#include "models/methods/distillation/factor_distance.h"
#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/mutual_learning.h"
#include "models/nets/make_network.h"
#include "models/training/step_runner.h"
#include "tests/support/bright_images.h"
#include "tests/support/expect_error.h"

namespace engram::testing {
namespace {

class DistillationTasks : public ::testing::Test {
 protected:
  StudentOptions options(const std::string& method) const {
    StudentOptions o;
    o.method = method;
    o.batches.batch_size = 4;
    o.epochs = 4;
    o.schedule.base_lr = 0;
    return o;
  }
  /// The meters of the first step of each epoch; the rate is 0, so that only weights change.
  std::vector<MeterValues> first_steps(const std::vector<Network*>& teachers, const std::string& method) {
    const auto student = make_network("resnet8", 2, {.seed = 1});
    DistillationTask task(*student, teachers, data_, options(method));
    StepRunner runner(task);
    std::vector<MeterValues> values;
    for (dim_t step = 0; step < task.total_steps(); step += task.steps_per_epoch()) {
      runner.run(step);
      values.push_back(task.meters().read(step));
    }
    return values;
  }

  const ImageDataset data_ = bright_images(8);
  std::unique_ptr<Network> first_ = make_network("resnet8", 2, {.seed = 2}),
                           second_ = make_network("wrn-10-1", 2, {.seed = 3});
};

TEST_F(DistillationTasks, TermsAreWeighedAndRise) {
  const auto values = first_steps({first_.get()}, R"({"name": "kd", "weight": 2, "ce": 0.5, "warmup": 2}+at)");
  for (std::size_t epoch = 0; epoch < values.size(); ++epoch) {
    const MeterValues& v = values[epoch];
    ASSERT_EQ(v[3].name, "loss/kd");
    ASSERT_EQ(v[4].name, "loss/at");
    const double rise = epoch == 0 ? 0.5 : 1;
    EXPECT_NEAR(v[0].value, 0.5 * v[2].value + 2 * rise * v[3].value + 1000 * v[4].value, 1e-4 * v[0].value) << epoch;
  }
}

TEST_F(DistillationTasks, OnePassOverTheLogitsGivesTheValuesOfTwo) {
  const Tensor images =
      Tensor::full({4, 3, 32, 32}, 0.5f) * reshape(Tensor::from(std::vector<float>{1, -1, 2, 0}, {4, 1}), {4, 1, 1, 1});
  const Tensor labels = Tensor::from(std::vector<std::int32_t>{1, 0, 1, 1}, {4});
  for (const char* method : {R"({"name": "kd", "tau": 3})", "tf-kd-self", "at+kd"}) {
    const auto student = make_network("resnet8", 2, {.seed = 1});
    DistillationTask task(*student, {first_.get()}, data_, options(method));
    task.step_on(images, labels, false, 0);
    const MeterValues values = task.meters().read(0);
    DistillationBatch b;
    b.student.logits = student->forward(images);  // in training mode still; the rate was 0
    b.teacher.logits = first_->logits_inference(images);
    b.labels = labels;
    const auto& term = task.terms().back();
    ASSERT_TRUE(term->soft_targets()) << method;
    // The divergence alone is a difference of logarithms in f32.
    EXPECT_NEAR(values.back().value, term->loss(b).item(), 1e-7 * (1 + term->soft_targets()->factor)) << method;
    EXPECT_NEAR(values[2].value, softmax_cross_entropy(b.student.logits, labels).item(), 1e-6) << method;
  }
}

TEST_F(DistillationTasks, MomentaAreForgottenAtMilestonesWhereAsked) {
  const auto weights_after = [&](bool fresh, double momentum, dim_t milestone) {
    const auto student = make_network("resnet8", 2, {.seed = 1});
    StudentOptions o = options("kd");
    o.fresh_momentum = fresh;
    o.optimizer.momentum = float(momentum);
    o.optimizer.nesterov = false;
    o.schedule = {.kind = ScheduleKind::kMultiStep, .base_lr = 0.1, .milestones = {milestone}, .gamma = 1};
    DistillationTask task(*student, {first_.get()}, data_, o);
    StepRunner runner(task);
    for (dim_t step = 0; step < 2; ++step) runner.run(step);
    return student->parameters()[0].to_vector();
  };
  EXPECT_EQ(weights_after(true, 0.9, 1), weights_after(false, 0, 1));  // the second step begins anew
  EXPECT_EQ(weights_after(true, 0.9, 2), weights_after(false, 0.9, 2));
  EXPECT_NE(weights_after(true, 0.9, 1), weights_after(false, 0.9, 1));
}

TEST_F(DistillationTasks, SeveralTeachersCountByTheirMean) {
  const std::string method = R"({"name": "kd", "weight": 1, "ce": 0})";
  const double first = first_steps({first_.get()}, method)[0][0].value,
               second = first_steps({second_.get()}, method)[0][0].value,
               both = first_steps({first_.get(), second_.get()}, method)[0][0].value;
  EXPECT_NE(first, second);
  EXPECT_NEAR(both, (first + second) / 2, 1e-5 * both);
}

TEST_F(DistillationTasks, WhatMakesNoSenseIsRefused) {
  const auto student = make_network("resnet8", 2, {.seed = 1});
  const auto other = make_network("resnet8", 3, {.seed = 1}), small = make_network("resnet8", 2, {.image = {3, 8, 8}}),
             flat = make_network("mlp", 2, {.seed = 1});
  const auto make = [&](Network& s, Network* t, const std::string& method) {
    DistillationTask(s, t ? std::vector<Network*>{t} : std::vector<Network*>{}, data_, options(method));
  };
  EXPECT_ERROR(make(*student, other.get(), "kd"), DataError, "as many classes, got 3 of resnet8 and 2 of resnet8");
  EXPECT_ERROR(make(*student, small.get(), "kd"), DataError, "images of one shape, got 3x8x8");
  EXPECT_ERROR(make(*student, nullptr, "kd"), UsageError, "expected a teacher");
  EXPECT_ERROR(make(*flat, first_.get(), "at"), UsageError, "which the student mlp has not; methods on logits work");
  EXPECT_ERROR(make(*student, first_.get(), "ft"), UsageError, "at least 1 initial epoch");
  EXPECT_ERROR(make(*student, first_.get(), R"({"name": "od", "teacher_mode": "sleep"})"), UsageError, "train or eval");
}

TEST(DistillationTerms, WideMarginsStayFinite) {
  Tensor student = Tensor::from(std::vector<float>{2000, 0, -1700, 3}, {2, 2});
  const Tensor teacher = Tensor::from(std::vector<float>{-1600, 0, 1800, 3}, {2, 2});
  student.set_requires_grad();
  const DecoupledTerms terms = decoupled_kd(student, teacher, Tensor::from(std::vector<std::int32_t>{0, 1}, {2}), 4);
  const Tensor loss = terms.target + terms.others;
  EXPECT_TRUE(std::isfinite(loss.item()));
  for (const float g : grad({loss}, {student})[0].to_vector()) EXPECT_TRUE(std::isfinite(g));
}

TEST(DistillationTerms, StandardisedLogitsForgetScaleAndPlace) {
  const Tensor z = Tensor::from(std::vector<float>{1, 2, 4, -3, 0.5f, 2}, {2, 3});
  const std::vector<float> a = standardised(z).to_vector(), b = standardised(3.f * z + 7.f).to_vector();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
}

/// The ablation that guards the sign: the exploring half's term, and nothing else, is turned.
TEST_F(DistillationTasks, AFlippedExplorationHasTheOtherSign) {
  const auto explored = [&](const std::string& name, bool flip) {
    StudentOptions o = options(R"({"name": ")" + name + R"(", "flip": )" + (flip ? "true}" : "false}"));
    o.initial_epochs = 1;
    o.initial_lr = 0;
    const auto student = make_network("resnet8", 2, {.seed = 1});
    DistillationTask task(*student, {first_.get()}, data_, o);
    StepRunner runner(task);
    const dim_t step = task.initial_epochs() * task.steps_per_epoch();
    runner.run(step);
    double value = 0;
    for (const MeterValue& meter : task.meters().read(step))
      if (meter.name == "loss/" + name + "/explore") value = meter.value;
    return value;
  };
  for (const char* name : {"ie-at", "ie-ft", "ie-od"}) {
    EXPECT_LT(explored(name, false), 0) << name;
    EXPECT_EQ(explored(name, true), -explored(name, false)) << name;
  }
  const auto mutual = [&](bool flip) {
    const auto student = make_network("resnet8", 2, {.seed = 1});
    MutualOptions halves;
    halves.halves = true;
    halves.flip = flip;
    MutualLearningTask task(*student, data_, options("ie-dml"), halves);
    const Tensor images = Tensor::full({2, 3, 32, 32}, 0.5f) * Tensor::from(std::vector<float>{1, -1}, {2, 1, 1, 1});
    return task.step_on(images, Tensor::from(std::vector<std::int32_t>{1, 0}, {2}), 0)[0].explore.item();
  };
  EXPECT_LT(mutual(false), 0);
  EXPECT_EQ(mutual(true), -mutual(false));
}

TEST(DistillationTerms, ExplorationIsTheNegativeOfInheritance) {
  const Tensor a = Tensor::from(std::vector<float>{3, 4, 0, 1}, {1, 4}),
               b = Tensor::from(std::vector<float>{0, 1, 5, 2}, {1, 4});
  const FactorDistance l1("test", "l1");
  EXPECT_EQ(l1.explore(a, b).item(), -l1.inherit(a, b).item());
}

TEST(DistillationTerms, TheDocumentationNamesEveryMethod) {
  std::ifstream file(ENGRAM_SOURCE_DIR "/docs/methods/distillation.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const auto* entries : {&distillation_registry().entries(), &student_task_registry().entries()})
    for (const RegistryEntry& entry : *entries)
      EXPECT_NE(text.str().find("`" + entry.name + "`"), std::string::npos) << entry.name;
}

}  // namespace
}  // namespace engram::testing
