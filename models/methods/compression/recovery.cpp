#include "models/methods/compression/recovery.h"

#include "engine/autograd.h"
#include "engine/ops.h"

namespace engram {
namespace {

void check_options(const RecoveryOptions& o, const ImageDataset& data, bool has_teacher) {
  if (o.epochs < 1) throw UsageError(message("[recover] expected at least 1 epoch, got ", o.epochs));
  if (o.batches.batch_size < 1 || o.batches.batch_size > data.count)
    throw UsageError(
        message("[recover] expected a batch size from 1 to the ", data.count, " images, got ", o.batches.batch_size));
  if (!(o.label_weight >= 0 && o.distill_weight >= 0 && o.sparsity >= 0))
    throw UsageError(message("[recover] expected weights of at least 0, got ", o.label_weight, ", ", o.distill_weight,
                             " and ", o.sparsity));
  if (o.label_weight == 0 && o.distill_weight == 0)
    throw UsageError("[recover] expected a weight above 0 of labels or of a teacher, got none");
  if (o.distill_weight > 0 && !has_teacher)
    throw UsageError("[recover] expected a teacher for the weight of its divergence, got none");
}

std::vector<Tensor> gains_of(Network& network) {
  std::vector<Tensor> gains;
  for (const NamedModule& named : network.named_modules())
    if (const auto* bn = dynamic_cast<const BatchNorm2d*>(named.module); bn && bn->weight.defined())
      gains.push_back(bn->weight);
  return gains;
}

}  // namespace

RecoveryTask::RecoveryTask(Network& network, Network* teacher, const ImageDataset& data, const RecoveryOptions& options)
    : network_(network),
      teacher_(teacher),
      options_(options),
      parameters_(network.parameters()),
      gains_(gains_of(network)),
      optimizer_(network.named_parameters(), options.optimizer) {
  check_options(options_, data, teacher != nullptr);
  if (options_.sparsity > 0 && gains_.empty())
    throw UsageError(
        message("[recover] expected a network with batch normalisation for sparsity, got ", network.arch()));
  options_.batches.shuffle = true;
  options_.batches.drop_last = true;
  data_ = std::make_unique<DeviceDataset>(data, device());
  stager_ = std::make_unique<BatchStager>(*data_, options_.batches);
  steps_per_epoch_ = stager_->batches_per_epoch();
  options_.schedule.total_steps = total_steps();
  rate_ = std::make_unique<StagedRate>(options_.schedule, device());
  meters_ = Meters({{"train/loss"}, {"train/label_loss"}, {"train/distill_loss"}, {"train/gain_sum"}}, device());
}

void RecoveryTask::stage(dim_t step) {
  if (step < 0 || step >= total_steps())
    throw UsageError(message("[recover] expected a step below ", total_steps(), ", got ", step));
  stager_->stage(step);
  rate_->stage(step);
}

Tensor RecoveryTask::gain_sum() const {
  Tensor total = Tensor::zeros({}, device());
  for (const Tensor& gain : gains_) total = total + sum(abs(gain));
  return total;
}

void RecoveryTask::issue() {
  network_.train();
  const LabelledBatch batch = stager_->gather();
  const Tensor logits = network_.forward(batch.images);
  const Tensor label_loss = softmax_cross_entropy(logits, batch.labels);
  Tensor distill_loss = Tensor::zeros({}, device()), sparsity_loss = distill_loss;
  if (options_.distill_weight > 0) {
    const float t = options_.temperature;
    distill_loss =
        kl_divergence(logits, teacher_->logits_inference(batch.images), t, t * t / float(network_.num_classes()));
  }
  if (options_.sparsity > 0) sparsity_loss = gain_sum();
  const Tensor loss =
      options_.label_weight * label_loss + options_.distill_weight * distill_loss + options_.sparsity * sparsity_loss;
  meters_.record({loss, label_loss, distill_loss, sparsity_loss});
  optimizer_.step(grad({loss}, parameters_), rate_->tensor());
}

void RecoveryTask::visit_parts(StateVisitor& visitor) {
  visitor.visit("model", network_);
  visitor.visit("optimizer", optimizer_);
}

}  // namespace engram
