#include "models/methods/data_free/zskt.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/data_free/spatial_attention.h"

namespace engram {
namespace {

ScheduleOptions cosine(double base, const ZsktOptions& o) {
  return {.kind = ScheduleKind::kCosine, .base_lr = base, .total_steps = o.epochs * o.pseudo_batches};
}

GeneratorTraining training(const ZsktOptions& o) {
  return {.generator = "zskt",
          .latent = o.latent,
          .generator_optimizer = adam_options(),
          .student_optimizer = adam_options(),
          .student_schedule = cosine(o.lr_student, o),
          .batch_size = o.batch_size,
          .epochs = o.epochs};
}

/// Extents of the maps that attention compares.
std::vector<Shape> map_shapes(Network& network) {
  const NoGradGuard no_grad;
  const bool training = network.is_training();
  network.eval();
  const ImageShape& image = network.image();
  const StageMaps found =
      stage_maps(network, Tensor::zeros({1, image.channels, image.height, image.width}, network.device()));
  network.train(training);
  std::vector<Shape> shapes;
  for (const Tensor& map : found.maps) shapes.push_back({map.dim(2), map.dim(3)});
  return shapes;
}

}  // namespace

ZsktTask::ZsktTask(const DataFreeProblem& problem, const ZsktOptions& options)
    : GeneratorTask(problem, training(options)),
      options_(options),
      generator_rate_(cosine(options.lr_generator, options), device()),
      latents_(Tensor::zeros({options.batch_size, options.latent}, device())),
      answers_(Tensor::zeros({options.batch_size, teacher_.num_classes()}, device())) {
  check_lengths({{"pseudo_batches", options.pseudo_batches}, {"student_steps", options.student_steps}});
  if (options.attention != 0) {
    const std::vector<Shape> shapes = map_shapes(teacher_);
    if (shapes != map_shapes(student_))
      throw DataError(message("zskt: expected a student with maps of the extents of the teacher's, whose attention it ",
                              "follows, got ", student_.arch(), " for ", teacher_.arch(),
                              R"(; {"name": "zskt", "attention": 0} leaves attention out)"));
    for (const Shape& shape : shapes)
      teacher_maps_.push_back(Tensor::zeros({options.batch_size, shape[0] * shape[1]}, device()));
  }
  meters_ = Meters({{"loss/generator"}, {"loss/student"}, {"loss/attention"}, {"grad/generator"}, {"grad/student"}},
                   device());
}

int ZsktTask::phase(dim_t step) const {
  const dim_t place = step % (1 + options_.student_steps);
  return int(std::min<dim_t>(place, 2));
}

dim_t ZsktTask::rate_position(dim_t step) const {
  return step / (1 + options_.student_steps);  // the pseudo-batch
}

void ZsktTask::stage(dim_t step) {
  GeneratorTask::stage(step);
  generator_rate_.stage(rate_position(step));
}

void ZsktTask::issue() {
  generator_->train();
  student_.train();
  if (phase_ == 0)
    issue_generator();
  else
    issue_student(phase_ == 1);
}

void ZsktTask::issue_generator() {
  copy_into(latents_, noise_.draw(latents_.shape()));
  const Tensor images = generator_->forward(latents_);
  const Tensor loss =
      neg(kl_divergence(student_.forward(images), teacher_.forward(images), 1, 1 / float(teacher_.num_classes())));
  const std::vector<Tensor> gradients = grad({loss}, generator_->parameters());
  const GradNorm clipped = grad_norm(gradients, options_.clip);
  const Tensor none = Tensor::zeros({}, device());
  meters_.record({loss, none, none, clipped.norm, none});
  generator_optimizer_.step(gradients, generator_rate_.tensor(), clipped.factor);
}

void ZsktTask::issue_student(bool first) {
  Tensor images;
  {
    const NoGradGuard no_grad;
    images = generator_->forward(latents_);
    if (first) {
      const StageMaps teacher = stage_maps(teacher_, images);
      copy_into(answers_, teacher.logits);
      for (std::size_t i = 0; i < teacher_maps_.size(); ++i)
        copy_into(teacher_maps_[i], unit_attention(teacher.maps[i]));
    }
  }
  const StageMaps student = stage_maps(student_, images);
  Tensor attention = Tensor::zeros({}, device());
  for (std::size_t i = 0; i < teacher_maps_.size(); ++i)
    attention = attention + mse(unit_attention(student.maps[i]), teacher_maps_[i]);
  const Tensor loss =
      kl_divergence(student.logits, answers_, 1, 1 / float(teacher_.num_classes())) + options_.attention * attention;
  const std::vector<Tensor> gradients = grad({loss}, student_.parameters());
  const GradNorm clipped = grad_norm(gradients, options_.clip);
  const Tensor none = Tensor::zeros({}, device());
  meters_.record({none, loss, attention, none, clipped.norm});
  student_optimizer_.step(gradients, student_rate_.tensor(), clipped.factor);
}

void ZsktTask::visit_parts(StateVisitor& visitor) {
  GeneratorTask::visit_parts(visitor);
  visitor.visit("latents", latents_);
  visitor.visit("answers", answers_);
  visitor.visit("teacher_maps", teacher_maps_);
}

namespace {

Settings zskt_settings(ZsktOptions& o) {
  return {{"batch_size", &o.batch_size, "images a step"},
          {"epochs", &o.epochs, "epochs"},
          {"pseudo_batches", &o.pseudo_batches, "pseudo-batches an epoch"},
          {"latent", &o.latent, "values of noise an image"},
          {"student_steps", &o.student_steps, "steps of the student after one of the generator"},
          {"attention", &o.attention, "coefficient of the attention maps' distances; 0: none"},
          {"clip", &o.clip, "largest norm of a gradient"},
          {"lr_generator", &o.lr_generator, "Adam's rate"},
          {"lr_student", &o.lr_student, "Adam's rate"}};
}

}  // namespace

void add_zskt(DataFreeRegistry& registry) {
  registry.add<ZsktOptions>("zskt", "ZSKT as its authors ran it", {}, zskt_settings,
                            [](const ZsktOptions& options, const DataFreeProblem& problem) {
                              return std::make_unique<ZsktTask>(problem, options);
                            });
}

}  // namespace engram
