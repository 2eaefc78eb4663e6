#include "models/methods/data_free/generative.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/data_free/bn_matching.h"

namespace engram {

namespace {

GeneratorTraining training(const GenerativeOptions& o) {
  return {.generator = o.generator,
          .latent = o.latent,
          .generator_optimizer = adam_with(0.5, 0.999),
          .student_optimizer = student_sgd(1e-4f),
          .student_schedule = {.kind = ScheduleKind::kCosine, .base_lr = o.lr_student, .total_steps = o.epochs},
          .batch_size = o.batch_size,
          .epochs = o.epochs};
}

}  // namespace

GenerativeTask::GenerativeTask(const DataFreeProblem& problem, const GenerativeOptions& options)
    : GeneratorTask(problem, training(options)), options_(options) {
  check_lengths({{"student_steps", options.student_steps}, {"rounds", options.rounds}});
  if (options.weights.bn != 0) require_batch_norm(teacher_, "data-free");
  meters_ = Meters({{"loss/generator"},
                    {"loss/bn"},
                    {"loss/one_hot"},
                    {"loss/activation"},
                    {"loss/adversarial"},
                    {"loss/balance"},
                    {"loss/student"},
                    {"grad/generator"},
                    {"grad/student"}},
                   device());
}

int GenerativeTask::phase(dim_t step) const {
  return step % (1 + options_.student_steps) == 0 ? 0 : 1;
}

void GenerativeTask::issue() {
  if (phase_ == 0)
    issue_generator();
  else
    issue_student();
}

GenerativeAnswers GenerativeTask::answers(const Tensor& images) {
  GenerativeAnswers result;
  const bool matches = options_.weights.bn != 0;
  if (matches && options_.weights.act == 0) {
    const BnMatching matching = teacher_.forward_with_bn_matching(images);
    result.teacher = matching.logits;
    result.bn = matching.var_norm_sum + matching.mean_norm_sum;
  } else {
    const Features teacher = teacher_.forward(images, {.pooled = true, .bn_inputs = matches});
    result.teacher = teacher.logits;
    result.features = teacher.pooled;
    if (matches) result.bn = bn_distance(teacher.bn_inputs);
  }
  if (options_.weights.adv != 0) result.student = student_.forward(images);
  return result;
}

void GenerativeTask::issue_generator() {
  generator_->train();
  student_.eval();
  const Tensor images = generator_->forward(draw_noise());
  const GenerativeLoss loss =
      generative_loss(answers(generator_->in_unit_range() ? normalized(images) : images), options_.weights);
  const std::vector<Tensor> gradients = grad({loss.total}, generator_->parameters());
  const Tensor none = Tensor::zeros({}, device());
  meters_.record(
      {loss.total, loss.bn, loss.oh, loss.act, loss.adv, loss.balance, none, grad_norm(gradients, 1).norm, none});
  generator_optimizer_.step(gradients, float(options_.lr_generator));
}

void GenerativeTask::issue_student() {
  generator_->eval();
  student_.train();
  Tensor images, answers;
  {
    const NoGradGuard no_grad;
    const Tensor made = generator_->forward(draw_noise());
    images = generator_->in_unit_range() ? normalized(made) : made;
    answers = teacher_.logits_inference(images);
  }
  const Tensor distance = student_distance(options_.weights.distance, student_.forward(images), answers);
  const std::vector<Tensor> gradients = grad({distance}, student_.parameters());
  const Tensor none = Tensor::zeros({}, device());
  meters_.record({none, none, none, none, none, none, distance, none, grad_norm(gradients, 1).norm});
  student_optimizer_.step(gradients, student_rate_.tensor());
}

namespace {

Settings generative_settings(GenerativeOptions& o) {
  return {{"adv", &o.weights.adv, "coefficient of minus the student's distance"},
          {"bn", &o.weights.bn, "of the statistics' distance"},
          {"oh", &o.weights.oh, "of the one-hot term"},
          {"act", &o.weights.act, "of the activation"},
          {"balance", &o.weights.balance, "of the class balance"},
          {"generator", &o.generator, "the generator's name"},
          {"batch_size", &o.batch_size, "images a step"},
          {"epochs", &o.epochs, "epochs"},
          {"latent", &o.latent, "values of noise an image"},
          {"student_steps", &o.student_steps, "steps of the student after one of the generator"},
          {"rounds", &o.rounds, "rounds of both an epoch"},
          {"lr_generator", &o.lr_generator, "Adam's rate"},
          {"lr_student", &o.lr_student, "SGD's rate, along half a cosine"}};
}

}  // namespace

void add_generative(DataFreeRegistry& registry) {
  const auto add = [&](const std::string& name, const std::string& help, const GenerativeOptions& defaults) {
    registry.add<GenerativeOptions>(name, help, defaults, generative_settings,
                                    [](const GenerativeOptions& options, const DataFreeProblem& problem) {
                                      return std::make_unique<GenerativeTask>(problem, options);
                                    });
  };
  add("dfq", "DFQ as in CMI's benchmark", {.weights = {.adv = 1, .bn = 1, .oh = 1, .balance = 20}});
  add("dafl-cmi", "DAFL as in CMI's benchmark",
      {.weights = {.oh = 1, .act = 1e-3f, .balance = 20}, .latent = 512, .student_steps = 5, .rounds = 80});
  add("zskt-cmi", "ZSKT as in CMI's benchmark", {.weights = {.adv = 1}, .student_steps = 5, .rounds = 80});
  add("dfad-cmi", "DFAD as in CMI's benchmark",
      {.weights = {.adv = 1, .distance = StudentDistance::kL1}, .student_steps = 5, .rounds = 80});
}

}  // namespace engram
