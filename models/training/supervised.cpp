#include "models/training/supervised.h"

#include <algorithm>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/nets/make_network.h"

namespace engram {
namespace {

void check_options(const SupervisedOptions& o, const ImageDataset& data) {
  if (o.epochs < 1) throw UsageError(message("[train] expected at least 1 epoch, got ", o.epochs));
  if (o.loader.batch_size < 1)
    throw UsageError(message("[train] expected a batch size of at least 1, got ", o.loader.batch_size));
  if (o.loader.batch_size > data.count)
    throw UsageError(message("[train] expected a batch size of at most the ", data.count, " training images, got ",
                             o.loader.batch_size));
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
      data_(data),
      options_(options),
      parameters_(network.parameters()),
      optimizer_(network.named_parameters(), options.optimizer) {
  check_options(options_, data);
  const dim_t batch = options_.loader.batch_size;
  options_.loader.shuffle = true;
  options_.loader.drop_last = true;
  options_.loader.epochs = options_.epochs;
  steps_per_epoch_ = data.count / batch;
  options_.schedule.total_steps = total_steps();
  rate_ = std::make_unique<StagedRate>(options_.schedule, device());
  images_ = Tensor::empty({batch, data.channels, data.height, data.width}, DType::kF32, device());
  labels_ = Tensor::empty({batch}, DType::kI32, device());
  meters_ = Meters({{"train/loss"}, {"train/accuracy", 1 / double(batch)}}, device());
  if (options_.ema_decay > 0) {
    average_ = make_network(network.arch(), network.num_classes(), {.device = device(), .image = network.image()});
    average_->set_requires_grad(false);
    average_->load_state(network.state());
  }
}

void SupervisedTask::stage(dim_t step) {
  if (loaded_ != step)
    loader_ = std::make_unique<DataLoader>(data_, options_.loader,
                                           LoaderPosition{step / steps_per_epoch_, step % steps_per_epoch_});
  if (!loader_->next(batch_))
    throw UsageError(message("[train] expected a step below ", total_steps(), ", got ", step));
  loaded_ = step + 1;
  stage_values(images_, batch_.images);
  stage_values(labels_, batch_.labels);
  rate_->stage(step);
}

void SupervisedTask::issue() {
  network_.train();
  const Tensor logits = network_.forward(images_);
  const Tensor loss = softmax_cross_entropy(logits, labels_, {.label_smoothing = options_.label_smoothing});
  meters_.record({loss, count_correct(logits, labels_)});
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
