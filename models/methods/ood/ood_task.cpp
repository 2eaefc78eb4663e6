#include "models/methods/ood/ood_task.h"

#include <numeric>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/nets/make_network.h"

namespace engram {
namespace {

bool has_batch_norm(Network& network) {
  for (const NamedModule& named : network.named_modules())
    if (dynamic_cast<const BatchNorm2d*>(named.module)) return true;
  return false;
}

ScheduleOptions schedule_of(const OodOptions& options) {
  ScheduleOptions schedule = options.schedule;
  schedule.total_steps = options.total_steps;
  return schedule;
}

void check_options(const OodOptions& o) {
  if (o.total_steps < 1) throw UsageError(message("[ood] expected at least 1 step, got ", o.total_steps));
  if (o.rate_interval < 1)
    throw UsageError(message("[ood] expected a rate interval of at least 1 step, got ", o.rate_interval));
  if (!(o.l2 >= 0)) throw UsageError(message("[ood] expected an l2 of at least 0, got ", o.l2));
  if (!(o.clip_norm >= 0)) throw UsageError(message("[ood] expected a clipping norm of at least 0, got ", o.clip_norm));
  check_weight_average(o.average);
}

void check_classes(const OodSetup& setup) {
  const int outputs = setup.network.num_classes(), classes = setup.source.num_classes();
  if (outputs != classes && !(outputs == 1 && classes == 2))
    throw UsageError(message("[ood] expected a network of ", classes, " classes",
                             classes == 2 ? ", or of one output," : "", " for these images, got ", outputs));
  if (setup.network.device() != setup.source.device())
    throw DeviceError("[ood] expected network and images on one device");
}

Tensor accuracy_of(const Tensor& logits, const Tensor& labels) {
  const NoGradGuard no_grad;
  return mean(equal(convert(argmax(logits.detach()), DType::kF32), convert(labels, DType::kF32)));
}

std::vector<MeterSpec> meter_specs(const std::vector<std::string>& terms, bool measures_accuracy, dim_t environments) {
  std::vector<MeterSpec> specs = {{"train/loss"}};
  for (const std::string& term : terms) specs.push_back({"train/" + term});
  if (!measures_accuracy) return specs;
  specs.push_back({"train/accuracy"});
  for (dim_t e = 0; e < environments; ++e) specs.push_back({message("train/accuracy_", e)});
  return specs;
}

}  // namespace

Tensor class_logits(const Tensor& outputs) {
  if (outputs.dim(1) != 1) return outputs;
  return concat({Tensor::zeros(outputs.shape(), outputs.device()), outputs}, 1);
}

LabelledBatch joined(const EnvironmentBatch& batch) {
  if (batch.environments.size() == 1) return batch.environments[0];
  std::vector<Tensor> images, labels;
  for (const LabelledBatch& environment : batch.environments) {
    images.push_back(environment.images);
    labels.push_back(environment.labels);
  }
  return {concat(images, 0), concat(labels, 0)};
}

Tensor environment_labels(const EnvironmentBatch& batch) {
  std::vector<Tensor> parts;
  for (std::size_t e = 0; e < batch.environments.size(); ++e) {
    const Tensor& labels = batch.environments[e].labels;
    parts.push_back(convert(Tensor::full(labels.shape(), float(e), labels.device()), DType::kI32));
  }
  return concat(parts, 0);
}

Tensor sum_of(const std::vector<Tensor>& scalars) {
  Tensor total = scalars.at(0);
  for (std::size_t i = 1; i < scalars.size(); ++i) total = total + scalars[i];
  return total;
}

Tensor mean_of(const std::vector<Tensor>& scalars) {
  return (1 / float(scalars.size())) * sum_of(scalars);
}

Tensor stacked(const std::vector<Tensor>& scalars) {
  std::vector<Tensor> parts;
  for (const Tensor& scalar : scalars) parts.push_back(reshape(scalar, {1}));
  return concat(parts, 0);
}

OodTask::OodTask(const OodSetup& setup, const std::vector<std::string>& terms, bool measures_accuracy)
    : network_(setup.network),
      source_(setup.source),
      options_(setup.options),
      parameters_(network_.named_parameters()),
      rate_(schedule_of(setup.options), setup.network.device()),
      joins_environments_(has_batch_norm(network_)),
      measures_accuracy_(measures_accuracy) {
  check_options(options_);
  check_classes(setup);
  source_.stage(0);
  for (const LabelledBatch& environment : source_.gather().environments)
    batch_sizes_.push_back(environment.labels.numel());
  if (dim_t(batch_sizes_.size()) != source_.num_environments())
    throw UsageError(
        message("[ood] expected batches of ", source_.num_environments(), " environments, got ", batch_sizes_.size()));
  meters_ = Meters(meter_specs(terms, measures_accuracy, source_.num_environments()), device());
  average_ = make_weight_average(options_.average, network_.parameters());
  if (average_) {
    averaged_ = make_network(network_.arch(), network_.num_classes(),
                             {.seed = std::nullopt, .device = device(), .image = network_.image()});
    averaged_->set_requires_grad(false);
  }
  reset_optimizer();
}

void OodTask::stage(dim_t step) {
  if (step < 0 || step >= options_.total_steps)
    throw UsageError(message("[ood] expected a step below ", options_.total_steps, ", got ", step));
  source_.stage(step);
  rate_.stage(step - step % options_.rate_interval);
  stage_method(step);
}

void OodTask::issue() {
  network_.train();
  update(source_.gather());
}

void OodTask::finish(dim_t step) {
  if (average_) average_->update(step);
}

Network& OodTask::deployed() {
  if (!average_) return network_;
  averaged_->load_state(network_.state());
  const std::vector<Tensor> values = average_->values(), parameters = averaged_->parameters();
  for (std::size_t i = 0; i < values.size(); ++i) copy_into(parameters[i], values[i].contiguous());
  return *averaged_;
}

void OodTask::validated(dim_t step, double loss, double accuracy) {
  if (average_) average_->validated(step, loss, accuracy);
}

std::vector<Tensor> OodTask::environment_logits(const EnvironmentBatch& batch) {
  return joins_environments_ ? cut(logits_of(joined(batch).images), batch) : separate_logits(batch);
}

std::vector<Tensor> OodTask::separate_logits(const EnvironmentBatch& batch) {
  std::vector<Tensor> logits;
  for (const LabelledBatch& environment : batch.environments) logits.push_back(logits_of(environment.images));
  return logits;
}

dim_t OodTask::images_per_step() const {
  return std::accumulate(batch_sizes_.begin(), batch_sizes_.end(), dim_t(0));
}

dim_t OodTask::feature_width() {
  const NoGradGuard no_grad;
  network_.eval();
  source_.stage(0);
  const dim_t width = features_of(slice(source_.gather().environments[0].images, 0, 0, 1)).dim(1);
  network_.train();
  return width;
}

std::vector<Tensor> OodTask::cut(const Tensor& rows, const EnvironmentBatch& batch) {
  std::vector<Tensor> parts;
  dim_t begin = 0;
  for (const LabelledBatch& environment : batch.environments) {
    const dim_t end = begin + environment.labels.numel();
    parts.push_back(slice(rows, 0, begin, end));
    begin = end;
  }
  return parts;
}

Tensor OodTask::features_of(const Tensor& images) {
  return network_.forward(images, {.logits = false, .pooled = true}).pooled;
}

Tensor OodTask::classify(const Tensor& features) {
  return class_logits(network_.logits_from_pooled(features, network_.is_training()));
}

std::vector<Tensor> OodTask::risks_of(const std::vector<Tensor>& logits, const EnvironmentBatch& batch) {
  std::vector<Tensor> risks;
  for (std::size_t e = 0; e < logits.size(); ++e)
    risks.push_back(softmax_cross_entropy(logits[e], batch.environments[e].labels));
  return risks;
}

Tensor OodTask::descend(const Tensor& loss, double factor) {
  Tensor total = loss;
  if (options_.l2 > 0) {
    std::vector<Tensor> squares;
    for (const NamedTensor& parameter : parameters_) squares.push_back(sum(square(parameter.tensor)));
    total = total + float(options_.l2) * sum_of(squares);
  }
  if (factor != 1) total = float(factor) * total;
  descend(total, parameters_, *optimizer_, rate_.tensor());
  return total.detach();
}

void OodTask::descend(const Tensor& loss, const std::vector<NamedTensor>& parameters, Optimizer& optimizer,
                      const Tensor& rate) {
  if (options_.observer) options_.observer->on_loss(loss);
  std::vector<Tensor> tensors;
  for (const NamedTensor& parameter : parameters) tensors.push_back(parameter.tensor);
  step_along(grad({loss}, tensors, {.allow_unused = true}), parameters, optimizer, rate);
}

void OodTask::step_along(const std::vector<Tensor>& gradients, const std::vector<NamedTensor>& parameters,
                         Optimizer& optimizer, const Tensor& rate) {
  if (options_.observer) options_.observer->on_gradients(parameters, gradients);
  Tensor scale;
  if (options_.clip_norm > 0) scale = grad_norm(gradients, options_.clip_norm).factor;
  optimizer.step(gradients, rate, scale);
}

void OodTask::add_parameters(const std::string& name, Module& module) {
  for (const NamedTensor& parameter : module.named_parameters())
    parameters_.push_back({name + "." + parameter.name, parameter.tensor});
  reset_optimizer();
}

void OodTask::reset_optimizer() {
  optimizer_.emplace(parameters_, options_.optimizer);
}

void OodTask::record(const Tensor& loss, const std::vector<Tensor>& terms, const std::vector<Tensor>& logits,
                     const EnvironmentBatch& batch) {
  std::vector<Tensor> values = {loss.detach()};
  for (const Tensor& term : terms) values.push_back(term.detach());
  if (measures_accuracy_) {
    std::vector<Tensor> accuracies;
    for (std::size_t e = 0; e < logits.size(); ++e)
      accuracies.push_back(accuracy_of(logits[e], batch.environments[e].labels));
    values.push_back(mean_of(accuracies));
    values.insert(values.end(), accuracies.begin(), accuracies.end());
  }
  meters_.record(values);
}

void OodTask::visit_parts(StateVisitor& visitor) {
  visitor.visit("model", network_);
  visitor.visit("optimizer", *optimizer_);
  if (average_) average_->visit_state("average", visitor);
  visit_method(visitor);
}

}  // namespace engram
