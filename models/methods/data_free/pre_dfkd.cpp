#include "models/methods/data_free/pre_dfkd.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/optim_step.h"
#include "models/init.h"
#include "models/methods/data_free/dafl_terms.h"
#include "models/methods/data_free/js_divergence.h"
#include "models/nets/generator_registry.h"

namespace engram {
namespace {

constexpr float kKldWeight = 1e-5f;

enum Meter { kNovel, kMatching, kCompetition, kStudent, kMemory, kGradNovel, kGradStudent, kGradMemory, kMeters };

Tensor mean_distance(const Tensor& a, const Tensor& b) {
  return mean(abs(a - b));
}

/// How far the moments of noise, over its rows, are from 1 and 0.
Tensor moments_loss(const Tensor& z) {
  return mean(square(var(z, {0}, false, 1) - 1.f)) + mean(square(mean(z, {0})));
}

Tensor normal_divergence(const LatentEncoder::Distribution& d) {
  return mean(-0.5f * sum(1.f + d.log_variance - square(d.mean) - exp(d.log_variance), {1}));
}

}  // namespace

PreDfkdTask::PreDfkdTask(const DataFreeProblem& problem, const PreDfkdOptions& options)
    : DataFreeTask(problem),
      options_(options),
      novel_(make_generator("pre-novel", options.latent, teacher_.image(), seed_for("novel"), device())),
      memory_(make_generator("pre-memory", options.latent, teacher_.image(), seed_for("memory"), device())),
      encoder_(options.latent, teacher_.image(), device()),
      novel_optimizer_(novel_->named_parameters(), adam_options()),
      memory_optimizer_(memory_->named_parameters(), adam_options()),
      encoder_optimizer_(encoder_.named_parameters(), adam_options()),
      student_optimizer_(student_.named_parameters(), student_sgd(5e-4f)),
      student_rate_({.kind = ScheduleKind::kCosine, .base_lr = options.lr_student, .total_steps = options.epochs},
                    device()) {
  check_lengths({{"epochs", options.epochs},
                 {"rounds", options.rounds},
                 {"student_steps", options.student_steps},
                 {"memory_steps", options.memory_steps}});
  if (options.batch_size < 2 || options.memory_images < 2)
    throw UsageError(message("[data-free] expected at least 2 new images and 2 of the memory, got ", options.batch_size,
                             " and ", options.memory_images));
  if (options.memory_steps > options.student_steps)
    throw UsageError(message("[data-free] expected at most ", options.student_steps,
                             " memory_steps, as many as student_steps, got ", options.memory_steps));
  encoder_.initialize(seed_for("encoder"));
  const ImageShape& image = teacher_.image();
  images_ = Tensor::zeros({options.batch_size, image.channels, image.height, image.width}, device());
  meters_ = Meters({{"loss/novel"},
                    {"loss/matching"},
                    {"loss/competition"},
                    {"loss/student"},
                    {"loss/memory"},
                    {"grad/novel"},
                    {"grad/student"},
                    {"grad/memory"}},
                   device());
}

int PreDfkdTask::phase(dim_t step) const {
  const dim_t round = step / steps_per_round(), place = step % steps_per_round();
  if (place == 0) return 0;
  const dim_t after = place - 1;
  if (after >= 2 * options_.memory_steps || after % 2 == 0) return 1;
  return round == 0 ? 3 : 2;
}

double PreDfkdTask::learning_rate(dim_t step) const {
  return student_rate_.at(step / steps_per_epoch());
}

void PreDfkdTask::stage(dim_t step) {
  phase_ = phase(step);
  student_rate_.stage(step / steps_per_epoch());
}

void PreDfkdTask::issue() {
  novel_->train();
  encoder_.train();
  student_.train();
  if (phase_ == 0)
    issue_novel();
  else if (phase_ == 1)
    issue_student();
  else
    issue_memory(phase_ == 3);
}

void PreDfkdTask::record(const std::vector<std::pair<int, Tensor>>& values) {
  std::vector<Tensor> all(kMeters, Tensor::zeros({}, device()));
  for (const auto& [meter, value] : values) all[std::size_t(meter)] = value;
  meters_.record(all);
}

Tensor PreDfkdTask::matching_loss(const Tensor& logits) const {
  return options_.one_hot * one_hot_loss(logits) + (options_.entropy * kPerLog10) * class_balance(logits);
}

void PreDfkdTask::issue_novel() {
  const Tensor images = novel_->forward(noise_.draw({options_.batch_size, options_.latent}));
  const Features teacher = teacher_.forward(images, {.pooled = true});
  const Tensor matching = matching_loss(teacher.logits) + options_.activation * activation_loss(teacher.pooled);
  const Tensor competition =
      competition_loss(js_divergence(student_.forward(images), teacher.logits.detach(), 3, JsMean::kElements));
  const Tensor loss = matching + competition;
  const std::vector<Tensor> gradients = grad({loss}, novel_->parameters());
  record(
      {{kNovel, loss}, {kMatching, matching}, {kCompetition, competition}, {kGradNovel, grad_norm(gradients, 1).norm}});
  novel_optimizer_.step(gradients, options_.lr_generator);
}

PreDfkdTask::Improved PreDfkdTask::improved_noise() {
  Improved result;
  result.z = noise_.draw({options_.memory_images, options_.latent});
  result.z.set_requires_grad();
  const Tensor loss = matching_loss(teacher_.forward(memory_->forward(result.z))) + moments_loss(result.z);
  std::vector<Tensor> inputs = memory_->parameters();
  inputs.push_back(result.z);
  result.to_memory = grad({loss}, inputs);
  std::vector<AdamState> fresh;
  adam_step({result.z}, {result.to_memory.back()}, fresh, {.lr = options_.lr_generator});
  result.to_memory.pop_back();
  return result;
}

void PreDfkdTask::issue_student() {
  memory_->eval();
  const Tensor z = improved_noise().z.detach();
  Tensor images, answers;
  {
    const NoGradGuard no_grad;
    copy_into(images_, novel_->forward(noise_.draw({options_.batch_size, options_.latent})).contiguous());
    images = concat({images_, memory_->forward(z).contiguous()}, 0);
    answers = teacher_.logits_inference(images);
  }
  const Tensor loss = mean_distance(student_.forward(images), answers);
  const std::vector<Tensor> gradients = grad({loss}, student_.parameters());
  record({{kStudent, loss}, {kGradStudent, grad_norm(gradients, 1).norm}});
  student_optimizer_.step(gradients, student_rate_.tensor());
}

void PreDfkdTask::issue_memory(bool first) {
  memory_->train();
  Tensor target = slice(images_, 0, 0, options_.batch_size / 2).contiguous();
  std::vector<Tensor> from_noise;
  if (!first) {
    Improved improved = improved_noise();
    from_noise = std::move(improved.to_memory);
    const NoGradGuard no_grad;
    target = concat({target, memory_->forward(improved.z.detach()).contiguous()}, 0);
  }
  const Tensor answers = teacher_.logits_inference(target);
  const LatentEncoder::Distribution code = encoder_.forward(target);
  const Tensor z = noise_.draw(code.mean.shape()) * exp(0.5f * code.log_variance) + code.mean;
  const Tensor made = memory_->forward(z);
  const Tensor loss = mean_distance(made, target) + mean_distance(teacher_.forward(made), answers) +
                      kKldWeight * normal_divergence(code);
  std::vector<Tensor> inputs = memory_->parameters();
  const auto count = std::ptrdiff_t(inputs.size());
  for (const Tensor& parameter : encoder_.parameters()) inputs.push_back(parameter);
  const std::vector<Tensor> gradients = grad({loss}, inputs);
  std::vector<Tensor> to_memory(gradients.begin(), gradients.begin() + count);
  for (std::size_t i = 0; i < from_noise.size(); ++i) to_memory[i] = to_memory[i] + from_noise[i];
  record({{kMemory, loss}, {kGradMemory, grad_norm(to_memory, 1).norm}});
  memory_optimizer_.step(to_memory, options_.lr_generator / 40);
  encoder_optimizer_.step({gradients.begin() + count, gradients.end()}, options_.lr_generator / 40);
}

void PreDfkdTask::visit_parts(StateVisitor& visitor) {
  visitor.visit("student", student_);
  visitor.visit("novel", *novel_);
  visitor.visit("memory", *memory_);
  visitor.visit("encoder", encoder_);
  visitor.visit("student_optimizer", student_optimizer_);
  visitor.visit("novel_optimizer", novel_optimizer_);
  visitor.visit("memory_optimizer", memory_optimizer_);
  visitor.visit("encoder_optimizer", encoder_optimizer_);
  visitor.visit("noise", noise_.stream());
  visitor.visit("images", images_);
}

namespace {

Settings pre_dfkd_settings(PreDfkdOptions& o) {
  return {{"batch_size", &o.batch_size, "new images a step"},
          {"epochs", &o.epochs, "epochs"},
          {"rounds", &o.rounds, "rounds an epoch"},
          {"memory_images", &o.memory_images, "images of the memory beside the new ones"},
          {"student_steps", &o.student_steps, "steps of the student a round"},
          {"memory_steps", &o.memory_steps, "of which so many are followed by one of the memory"},
          {"latent", &o.latent, "values of noise an image"},
          {"one_hot", &o.one_hot, "coefficient of the one-hot term"},
          {"entropy", &o.entropy, "of the class entropy"},
          {"activation", &o.activation, "of the activation"},
          {"lr_generator", &o.lr_generator, "Adam's rate"},
          {"lr_student", &o.lr_student, "SGD's rate, along half a cosine"}};
}

}  // namespace

void add_pre_dfkd(DataFreeRegistry& registry) {
  registry.add<PreDfkdOptions>("pre-dfkd", "PRE-DFKD as its authors ran it", {}, pre_dfkd_settings,
                               [](const PreDfkdOptions& options, const DataFreeProblem& problem) {
                                 return std::make_unique<PreDfkdTask>(problem, options);
                               });
}

}  // namespace engram
