#include "models/methods/data_free/pool_task.h"

#include <algorithm>

#include "engine/autograd.h"
#include "engine/ops.h"

namespace engram {
namespace {

const PoolOptions& checked(const PoolOptions& o) {
  check_lengths({{"synthesis_batch", o.synthesis_batch},
                 {"iterations", o.iterations},
                 {"rounds", o.rounds},
                 {"warmup_rounds", o.warmup_rounds},
                 {"student_steps", o.student_steps},
                 {"batch_size", o.batch_size},
                 {"epochs", o.epochs}});
  if (o.warmup < 0 || o.warmup >= o.epochs)
    throw UsageError(message("[data-free] expected a warmup of 0 to ", o.epochs - 1, " epochs, got ", o.warmup));
  if (o.padding < 0) throw UsageError(message("[data-free] expected padding of at least 0, got ", o.padding));
  if (!(o.temperature > 0))
    throw UsageError(message("[data-free] expected a temperature above 0, got ", o.temperature));
  return o;
}

}  // namespace

PoolTask::PoolTask(const DataFreeProblem& problem, const PoolOptions& options)
    : DataFreeTask(problem),
      options_(checked(options)),
      pool_(total_rounds() * options.synthesis_batch, options.batch_size, teacher_.image(), normalization_,
            seed_for("pool"), device()),
      student_optimizer_(student_.named_parameters(), student_sgd(options.weight_decay)),
      student_rate_({.kind = ScheduleKind::kCosine,
                     .base_lr = options.lr,
                     .total_steps = options.epochs - options.warmup,
                     .final_lr = options.final_lr},
                    device()) {
  InversionOptions inversion;
  inversion.method = options.inversion;
  inversion.batch_size = options.synthesis_batch;
  inversion.student = &student_;
  inversion.normalization = normalization_;
  inversion.iterations = options.iterations;
  inversion_ = start_inversion(teacher_, inversion, seed_for("inversion"), 0);
  meters_ = Meters({{"loss/student"}, {"loss/synthesis"}, {"grad/student"}}, device());
}

dim_t PoolTask::rounds_in(dim_t epoch) const {
  return epoch < options_.warmup ? options_.warmup_rounds : options_.rounds;
}

dim_t PoolTask::total_rounds() const {
  return options_.warmup * options_.warmup_rounds + (options_.epochs - options_.warmup) * options_.rounds;
}

dim_t PoolTask::steps_per_epoch() const {
  const dim_t teaching = options_.rounds * options_.iterations + options_.student_steps;
  return options_.warmup > 0 ? std::max(teaching, options_.warmup_rounds * options_.iterations) : teaching;
}

PoolTask::Place PoolTask::place_of(dim_t step) const {
  const dim_t epoch = step / steps_per_epoch(), place = step % steps_per_epoch();
  const dim_t synthesis = rounds_in(epoch) * options_.iterations;
  if (place >= synthesis) {
    const bool teaches = epoch >= options_.warmup && place < synthesis + options_.student_steps;
    return {teaches ? Work::kStudent : Work::kNothing, 0, 0};
  }
  const dim_t warm = std::min(epoch, options_.warmup);
  const dim_t before = warm * options_.warmup_rounds + (epoch - warm) * options_.rounds;
  return {Work::kSynthesis, before + place / options_.iterations, place % options_.iterations};
}

int PoolTask::phase(dim_t step) const {
  const Place place = place_of(step);
  if (place.work != Work::kSynthesis) return place.work == Work::kStudent ? 0 : 1;
  return 2 + inversion_->phase(place.iteration);
}

double PoolTask::learning_rate(dim_t step) const {
  return student_rate_.at(std::max<dim_t>(0, step / steps_per_epoch() - options_.warmup));
}

void PoolTask::stage(dim_t step) {
  const Place place = place_of(step);
  work_ = place.work;
  if (work_ == Work::kSynthesis) {
    if (place.iteration == 0 && place.round > 0) inversion_->next_batch(place.round);
    inversion_->stage(place.iteration);
  } else if (work_ == Work::kStudent) {
    student_rate_.stage(step / steps_per_epoch() - options_.warmup);
    pool_.stage(int(options_.padding));
  }
}

void PoolTask::issue() {
  const Tensor none = Tensor::zeros({}, device());
  if (work_ == Work::kNothing) {
    meters_.record({none, none, none});
    return;
  }
  if (work_ == Work::kSynthesis) {
    inversion_->issue();
    meters_.record({none, inversion_->last_loss(), none});
    return;
  }
  student_.train();
  const Tensor images = pool_.gather(), answers = teacher_.logits_inference(images);
  const float t = options_.temperature;
  const Tensor loss = kl_divergence(student_.forward(images), answers, t, t * t);
  const std::vector<Tensor> gradients = grad({loss}, student_.parameters());
  meters_.record({loss, none, grad_norm(gradients, 1).norm});
  student_optimizer_.step(gradients, student_rate_.tensor());
}

void PoolTask::finish(dim_t step) {
  const Place place = place_of(step);
  if (place.work != Work::kSynthesis) return;
  inversion_->finish(place.iteration);
  if (place.iteration + 1 < options_.iterations) return;
  const Tensor images = inversion_->result();
  pool_.add(inversion_->in_unit_range() ? images : denormalized(images));
}

void PoolTask::visit_parts(StateVisitor& visitor) {
  visitor.visit("student", student_);
  visitor.visit("student_optimizer", student_optimizer_);
  inversion_->visit_state_as("inversion", visitor);
  pool_.visit_state("pool", visitor);
}

namespace {

Settings pool_settings(PoolOptions& o) {
  return {{"inversion", &o.inversion, "what makes the images, by name or with settings"},
          {"synthesis_batch", &o.synthesis_batch, "images made together"},
          {"iterations", &o.iterations, "steps of a batch of images"},
          {"rounds", &o.rounds, "batches of images an epoch"},
          {"warmup_rounds", &o.warmup_rounds, "batches of images an epoch of the warm-up"},
          {"warmup", &o.warmup, "epochs that make images only"},
          {"epochs", &o.epochs, "epochs"},
          {"student_steps", &o.student_steps, "steps of the student an epoch"},
          {"batch_size", &o.batch_size, "images a step of the student"},
          {"temperature", &o.temperature, "of the distillation"},
          {"padding", &o.padding, "shift of the student's images; 0: neither shifts nor flips"},
          {"lr", &o.lr, "SGD's rate"},
          {"final_lr", &o.final_lr, "the rate at the end of the cosine"},
          {"weight_decay", &o.weight_decay, "SGD's weight decay"}};
}

/// FAST with so many steps a batch.
PoolOptions fast(const std::string& inversion, dim_t iterations) {
  return {.inversion = inversion,
          .iterations = iterations,
          .warmup = 20,
          .epochs = 220,
          .batch_size = 256,
          .lr = 0.2,
          .final_lr = 2e-4};
}

}  // namespace

void add_pool_methods(DataFreeRegistry& registry) {
  const auto add = [&](const std::string& name, const std::string& help, const PoolOptions& defaults) {
    registry.add<PoolOptions>(name, help, defaults, pool_settings,
                              [](const PoolOptions& options, const DataFreeProblem& problem) {
                                return std::make_unique<PoolTask>(problem, options);
                              });
  };
  add("cmi", "CMI from scratch", {});
  add("fast-2", "FAST with 2 steps a batch", fast("fast-2", 2));
  add("fast-5", "FAST with 5 steps a batch", fast("fast-5", 5));
  add("fast", "FAST with 10 steps a batch", fast("fast", 10));
  add("nayer", "NAYER with random label rows",
      {.inversion = "nayer",
       .synthesis_batch = 400,
       .iterations = 30,
       .rounds = 2,
       .warmup_rounds = 10,
       .warmup = 20,
       .epochs = 220,
       .batch_size = 512,
       .lr = 0.2,
       .final_lr = 2e-4});
  add("adi", "adaptive DeepInversion: a batch of images every 50 steps of the student",
      {.inversion = "adi",
       .iterations = 2000,
       .epochs = 1000,
       .student_steps = 50,
       .batch_size = 256,
       .temperature = 3});
  add("deepinv-cmi", "DeepInversion as in CMI's benchmark", {.inversion = "deepinv-cmi", .iterations = 1000});
}

}  // namespace engram
