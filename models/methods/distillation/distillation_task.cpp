#include "models/methods/distillation/distillation_task.h"

#include <algorithm>

#include "engine/autograd.h"
#include "models/methods/distillation/loss_registry.h"

namespace engram {
namespace {

constexpr dim_t kProbeImages = 2;

void check_teacher(const Network& student, const Network& teacher) {
  if (student.num_classes() != teacher.num_classes())
    throw DataError(message("[distill] expected teacher and student of as many classes, got ", teacher.num_classes(),
                            " of ", teacher.arch(), " and ", student.num_classes(), " of ", student.arch()));
  if (student.image() != teacher.image())
    throw DataError(message("[distill] expected teacher and student of images of one shape, got ",
                            to_string(teacher.image()), " of ", teacher.arch(), " and ", to_string(student.image()),
                            " of ", student.arch()));
}

FeatureRequest join(FeatureRequest a, const FeatureRequest& b) {
  a.logits |= b.logits;
  a.taps |= b.taps;
  a.sums |= b.sums;
  a.pre_activations |= b.pre_activations;
  a.pooled |= b.pooled;
  return a;
}

/// Extents of everything that terms look at. In evaluation mode, so that nothing moves.
Features probe(Network& network) {
  const ImageShape& image = network.image();
  const Tensor x = Tensor::zeros({kProbeImages, image.channels, image.height, image.width}, network.device());
  return network.inference(x, {.taps = true, .sums = true, .pre_activations = true, .pooled = true});
}

Tensor plus(const Tensor& a, const Tensor& b) {
  return !a.defined() ? b : !b.defined() ? a : a + b;
}

}  // namespace

DistillationTask::DistillationTask(Network& student, const std::vector<Network*>& teachers, const ImageDataset& data,
                                   const StudentOptions& options)
    : StudentTask(data, options, student.device()), student_(student), side_(student.device()) {
  for (Network* teacher : teachers) {
    check_teacher(student, *teacher);
    teacher->set_requires_grad(false);
  }
  make_groups(teachers, data);
  collect_needs();
  if (needs_.strong_view) {
    BatchPlan strong = options_.batches;
    strong.augment = options_.strong;
    strong.view = 1;
    strong_stager_ = std::make_unique<BatchStager>(data_, strong);
  }
  if (needs_.samples) samples_ = Tensor::empty({options_.batches.batch_size}, DType::kI32, device());
  factors_ = Tensor::zeros({dim_t(groups_[0].terms.size())}, device());
  initial_rate_ = std::make_unique<StagedRate>(ScheduleOptions{.base_lr = options_.initial_lr}, device());
  make_optimizers();
  make_meters();
}

void DistillationTask::make_groups(const std::vector<Network*>& teachers, const ImageDataset& data) {
  const Features own = probe(student_);
  const std::size_t count = std::max<std::size_t>(1, teachers.size());
  for (std::size_t g = 0; g < count; ++g) {
    Group group;
    group.teacher = teachers.empty() ? nullptr : teachers[g];
    const Features theirs = group.teacher ? probe(*group.teacher) : own;
    const LossContext context{.student = own,
                              .teacher = theirs,
                              .student_arch = student_.arch(),
                              .teacher_arch = group.teacher ? group.teacher->arch() : "none",
                              .num_classes = student_.num_classes(),
                              .device = device(),
                              .seed = options_.batches.seed + g,
                              .labels = data.labels};
    group.terms = make_distillation_losses(options_.method, context);
    for (std::size_t i = 0; i < group.terms.size(); ++i) {
      group.terms[i]->initialize(options_.batches.seed + 1000 * (g + 1) + i);
      if (!group.teacher && group.terms[i]->needs().teacher_used)
        throw UsageError(message("[distill] expected a teacher for the method ", options_.method, ", got none"));
    }
    groups_.push_back(std::move(group));
  }
}

void DistillationTask::collect_needs() {
  needs_ = {.teacher = {.logits = false}, .teacher_used = false};
  bool initial = false;
  for (const auto& term : groups_[0].terms) {
    const LossNeeds needs = term->needs();
    needs_.student = join(needs_.student, needs.student);
    if (needs.teacher_used) needs_.teacher = join(needs_.teacher, needs.teacher);
    needs_.teacher_used |= needs.teacher_used;
    needs_.training_teacher |= needs.training_teacher;
    needs_.strong_view |= needs.strong_view;
    needs_.samples |= needs.samples;
    cross_entropy_ *= term->options().ce;
    initial |= term->initial_stage() != InitialStage::kNone;
    student_learns_ |= term->initial_stage() == InitialStage::kStudent;
    if (!soft_term_ && term->soft_targets()) soft_term_ = term.get();
  }
  initial_epochs_ = initial ? options_.initial_epochs : 0;
  if (initial && initial_epochs_ < 1)
    throw UsageError(message("[distill] expected at least 1 initial epoch for the method ", options_.method, ", got ",
                             options_.initial_epochs));
}

void DistillationTask::make_optimizers() {
  append_named(main_parameters_, "student.", student_.named_parameters());
  if (student_learns_) initial_parameters_ = main_parameters_;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (std::size_t i = 0; i < groups_[g].terms.size(); ++i) {
      const DistillationLoss& term = *groups_[g].terms[i];
      const std::string prefix = message("term", g, ".", i, ".");
      if (term.initial_stage() != InitialStage::kNone)
        append_named(initial_parameters_, prefix, term.initial_parameters());
      append_named(main_parameters_, prefix, term.main_parameters());
    }
  optimizer_ = std::make_unique<Optimizer>(main_parameters_, options_.optimizer);
  if (initial_epochs_ > 0) initial_optimizer_ = std::make_unique<Optimizer>(initial_parameters_, options_.optimizer);
}

void DistillationTask::make_meters() {
  std::vector<MeterSpec> specs = {{"train/loss"}, {"train/accuracy"}, {"train/ce"}};
  const std::vector<std::string> names = split_terms(options_.method);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name = "loss/" + parse_component(names[i]).name;
    specs.push_back({name});
    for (const std::string& part : groups_[0].terms[i]->part_names()) specs.push_back({name + "/" + part});
  }
  meters_ = Meters(specs, device());
}

double DistillationTask::learning_rate(dim_t step) const {
  return is_initial(step) ? initial_rate_->at(step) : rate_->at(step - initial_epochs_ * steps_per_epoch());
}

int DistillationTask::phase(dim_t step) const {
  return 2 * int(is_initial(step)) + int(is_incomplete(step));
}

void DistillationTask::stage(dim_t step) {
  stage_batch(step);
  if (strong_stager_) strong_stager_->stage(step);
  if (samples_.defined()) {
    std::vector<std::int32_t> samples(stager_->samples().begin(), stager_->samples().end());
    samples.resize(std::size_t(samples_.numel()), 0);
    stage_values(samples_, samples);
  }
  initial_ = is_initial(step);
  const dim_t main_step = step - initial_epochs_ * steps_per_epoch(), epoch = main_step / steps_per_epoch();
  if (initial_) {
    initial_rate_->stage(step);
    return;
  }
  stage_rate(main_step, {optimizer_.get()});
  std::vector<float> factors;
  for (const auto& term : groups_[0].terms) {
    const TermOptions& o = term->options();
    const double rise = o.warmup > 0 ? std::min(double(epoch + 1) / double(o.warmup), 1.0) : 1;
    factors.push_back(float(o.weight * rise));
  }
  stage_values(factors_, factors);
  for (Group& group : groups_)
    for (auto& term : group.terms) term->stage(epoch);
}

DistillationBatch DistillationTask::teacher_features(const Group& group, const LabelledBatch& batch,
                                                     const LabelledBatch& strong) {
  const NoGradGuard no_grad;
  DistillationBatch b;
  if (needs_.training_teacher) {
    group.teacher->train();
    b.teacher = group.teacher->forward(batch.images, needs_.teacher);
  } else {
    b.teacher = group.teacher->inference(batch.images, needs_.teacher);
  }
  if (strong.images.defined()) b.strong_teacher = group.teacher->logits_inference(strong.images);
  return b;
}

/// What the teachers say of a batch, to be read after side_.join().
std::vector<DistillationBatch> DistillationTask::begin_teachers(const LabelledBatch& batch,
                                                                const LabelledBatch& strong) {
  std::vector<DistillationBatch> seen(groups_.size());
  if (needs_.teacher_used)
    side_.run([&] {
      for (std::size_t g = 0; g < groups_.size(); ++g) seen[g] = teacher_features(groups_[g], batch, strong);
    });
  for (DistillationBatch& b : seen) {
    b.labels = batch.labels;
    if (samples_.defined()) b.samples = slice(samples_, 0, 0, batch.labels.dim(0));
  }
  return seen;
}

void DistillationTask::issue() {
  run(gather());
}

void DistillationTask::run(const LabelledBatch& batch) {
  if (initial_)
    initial_step(batch);
  else
    main_step(batch);
}

void DistillationTask::initial_step(const LabelledBatch& batch) {
  std::vector<DistillationBatch> seen = begin_teachers(batch);
  student_.train(student_learns_);
  const Features student = student_learns_ ? student_.forward(batch.images, needs_.student) : Features();
  side_.join();
  Tensor total;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    seen[g].student = student;
    for (auto& term : groups_[g].terms)
      if (term->initial_stage() != InitialStage::kNone) {
        term->train();
        total = plus(total, term->initial_loss(seen[g]));
      }
  }
  total = total * float(1.0 / double(groups_.size()));
  std::vector<Tensor> scalars = {total};
  const Tensor zero = Tensor::zeros({}, device());
  for (std::size_t i = 0; i < 2; ++i) scalars.push_back(zero);
  for (const auto& term : groups_[0].terms)
    for (std::size_t i = 0; i < 1 + term->part_names().size(); ++i) scalars.push_back(zero);
  meters_.record(scalars);
  initial_optimizer_->step(grad({total}, tensors_of(initial_parameters_), {.allow_unused = true}),
                           initial_rate_->tensor());
}

DistillationTask::LogitLosses DistillationTask::logit_losses(const DistillationBatch& first) const {
  const Tensor& logits = first.student.logits;
  if (!soft_term_) return {softmax_cross_entropy(logits, first.labels), {}};
  const DistillationLosses both =
      distillation_losses(logits, first.teacher.logits, first.labels, *soft_term_->soft_targets());
  return {both.cross_entropy, both.divergence};
}

/// The sum of the terms, as the mean over the teachers; undefined where they add nothing. The first teacher's terms and
/// their parts go to `recorded`.
Tensor DistillationTask::weighted_terms(const std::vector<DistillationBatch>& seen, const LogitLosses& losses,
                                        std::vector<Tensor>& recorded) {
  const Tensor zero = Tensor::zeros({}, device());
  Tensor total;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (std::size_t i = 0; i < groups_[g].terms.size(); ++i) {
      DistillationLoss& term = *groups_[g].terms[i];
      term.train();
      const Tensor loss = &term == soft_term_ ? losses.divergence : term.loss(seen[g]);
      if (loss.defined())
        total =
            plus(total, sum(loss * slice(factors_, 0, dim_t(i), dim_t(i) + 1)) * float(1.0 / double(groups_.size())));
      if (g > 0) continue;
      recorded.push_back(loss.defined() ? loss.detach() : zero);
      for (const Tensor& part : term.parts()) recorded.push_back(part);
    }
  return total;
}

void DistillationTask::main_step(const LabelledBatch& batch) {
  const LabelledBatch strong = strong_stager_ ? strong_stager_->gather() : LabelledBatch();
  std::vector<DistillationBatch> seen = begin_teachers(batch, strong);
  student_.train();
  const Features student = student_.forward(batch.images, needs_.student);
  const Tensor strong_student = strong_stager_ ? student_.forward(strong.images) : Tensor();
  side_.join();
  for (DistillationBatch& b : seen) {
    b.student = student;
    b.strong_student = strong_student;
  }
  const LogitLosses losses = logit_losses(seen[0]);
  std::vector<Tensor> recorded;
  const Tensor terms = weighted_terms(seen, losses, recorded);
  const Tensor total = plus(cross_entropy_ == 0 ? Tensor() : float(cross_entropy_) * losses.cross_entropy, terms);
  recorded.insert(recorded.begin(), {total, batch_accuracy(student.logits, batch.labels), losses.cross_entropy});
  meters_.record(recorded);
  optimizer_->step(grad({total}, tensors_of(main_parameters_), {.allow_unused = true}), rate_->tensor());
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (auto& term : groups_[g].terms) term->update(seen[g]);
}

void DistillationTask::step_on(const Tensor& images, const Tensor& labels, bool initial, double rate) {
  initial_ = initial;
  stage_values((initial ? initial_rate_ : rate_)->tensor(), std::vector<float>{float(rate)});
  std::vector<float> factors;
  for (const auto& term : groups_[0].terms) factors.push_back(float(term->options().weight));
  stage_values(factors_, factors);
  run({images, labels});
}

void DistillationTask::visit_parts(StateVisitor& visitor) {
  visitor.visit("student", student_);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (needs_.training_teacher) visitor.visit(message("teacher", g), *groups_[g].teacher);
    for (std::size_t i = 0; i < groups_[g].terms.size(); ++i)
      groups_[g].terms[i]->visit_state(message("term", g, ".", i), visitor);
  }
  visitor.visit("optimizer", *optimizer_);
  if (initial_optimizer_) visitor.visit("initial_optimizer", *initial_optimizer_);
}

}  // namespace engram
