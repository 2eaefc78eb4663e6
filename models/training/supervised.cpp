#include "models/training/supervised.h"

#include <algorithm>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/nets/make_network.h"

namespace engram {
namespace {

void check_options(const SupervisedOptions& o, const ImageDataset& data) {
  if (o.epochs < 1) throw UsageError(message("[train] expected at least 1 epoch, got ", o.epochs));
  if (o.batches.batch_size < 1)
    throw UsageError(message("[train] expected a batch size of at least 1, got ", o.batches.batch_size));
  if (o.batches.batch_size > data.count)
    throw UsageError(message("[train] expected a batch size of at most the ", data.count, " training images, got ",
                             o.batches.batch_size));
  if (!(o.ema_decay >= 0 && o.ema_decay < 1))
    throw UsageError(message("[train] expected an EMA decay in [0,1), got ", o.ema_decay));
  if (!(o.label_smoothing >= 0 && o.label_smoothing <= 1))
    throw UsageError(message("[train] expected a label smoothing in [0,1], got ", o.label_smoothing));
}

std::vector<Tensor> state_tensors(const Module& module) {
  std::vector<Tensor> tensors;
  for (const NamedTensor& entry : module.named_state()) tensors.push_back(entry.tensor);
  return tensors;
}

/// How many rows have their largest logit, the first of equals, at the label.
Tensor count_correct(const Tensor& logits, const Tensor& labels) {
  const NoGradGuard no_grad;
  return sum(equal(convert(argmax(logits.detach()), DType::kF32), convert(labels, DType::kF32)));
}

}  // namespace

SupervisedTask::SupervisedTask(Network& network, const ImageDataset& data, const SupervisedOptions& options)
    : network_(network),
      options_(options),
      parameters_(network.parameters()),
      optimizer_(network.named_parameters(), options.optimizer) {
  check_options(options_, data);
  options_.batches.shuffle = true;
  options_.batches.drop_last = true;
  data_ = std::make_unique<DeviceDataset>(data, device());
  stager_ = std::make_unique<BatchStager>(*data_, options_.batches);
  steps_per_epoch_ = stager_->batches_per_epoch();
  options_.schedule.total_steps = total_steps();
  rate_ = std::make_unique<StagedRate>(options_.schedule, device());
  meters_ = Meters({{"train/loss"}, {"train/accuracy", 1 / double(options_.batches.batch_size)}}, device());
  if (options_.ema_decay > 0) {
    average_ = make_network(network.arch(), network.num_classes(), {.device = device(), .image = network.image()});
    average_->set_requires_grad(false);
    average_->load_state(network.state());
  }
}

void SupervisedTask::stage(dim_t step) {
  if (step < 0 || step >= total_steps())
    throw UsageError(message("[train] expected a step below ", total_steps(), ", got ", step));
  stager_->stage(step);
  rate_->stage(step);
}

void SupervisedTask::issue() {
  network_.train();
  const LabelledBatch batch = stager_->gather();
  const Tensor logits = network_.forward(batch.images);
  const Tensor loss = softmax_cross_entropy(logits, batch.labels, {.label_smoothing = options_.label_smoothing});
  meters_.record({loss, count_correct(logits, batch.labels)});
  const std::vector<Tensor> gradients = grad({loss}, parameters_);
  Tensor scale;
  if (options_.clip_norm > 0) scale = grad_norm(gradients, options_.clip_norm).factor;
  optimizer_.step(gradients, rate_->tensor(), scale);
}

void SupervisedTask::finish(dim_t step) {
  if (!average_) return;
  const double warm = double(1 + step) / double(10 + step);
  ema_step(state_tensors(*average_), state_tensors(network_), std::min(options_.ema_decay, warm));
}

void SupervisedTask::visit_parts(StateVisitor& visitor) {
  visitor.visit("model", network_);
  if (average_) visitor.visit("average", *average_);
  visitor.visit("optimizer", optimizer_);
}

}  // namespace engram
