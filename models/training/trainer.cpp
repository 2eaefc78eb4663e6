#include "models/training/trainer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/autograd.h"
#include "engine/device_memory.h"
#include "engine/io/tensor_io.h"
#include "engine/ops.h"
#include "engine/profiler.h"
#include "models/nets/make_network.h"

namespace engram {
namespace {

std::vector<Tensor> tensors_of(const std::vector<NamedTensor>& named) {
  std::vector<Tensor> tensors;
  for (const NamedTensor& entry : named) tensors.push_back(entry.tensor);
  return tensors;
}

dim_t count_correct(const Tensor& logits, const std::vector<std::int32_t>& labels) {
  const std::vector<float> values = logits.detach().to_vector();
  const dim_t classes = logits.dim(1);
  dim_t correct = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const float* row = values.data() + dim_t(i) * classes;
    correct += std::max_element(row, row + classes) - row == labels[i];
  }
  return correct;
}

void add_prefixed(StateDict& all, const std::string& prefix, const StateDict& part) {
  for (const auto& [name, tensor] : part) all[prefix + name] = tensor;
}

StateDict with_prefix_removed(const StateDict& all, const std::string& prefix) {
  StateDict part;
  for (const auto& [name, tensor] : all)
    if (name.rfind(prefix, 0) == 0) part[name.substr(prefix.size())] = tensor;
  return part;
}

}  // namespace

Trainer::Trainer(Network& network, const ImageDataset& data, const TrainerOptions& options)
    : network_(network),
      data_(data),
      options_(options),
      parameters_(network.parameters()),
      optimizer_(network.named_parameters(), options.optimizer) {
  if (options_.epochs < 1) throw UsageError(message("[train] expected at least 1 epoch, got ", options_.epochs));
  if (options_.loader.batch_size < 1)
    throw UsageError(message("[train] expected a batch size of at least 1, got ", options_.loader.batch_size));
  if (options_.loader.batch_size > data.count)
    throw UsageError(message("[train] expected a batch size of at most the ", data.count, " training images, got ",
                             options_.loader.batch_size));
  if (!(options_.ema_decay >= 0 && options_.ema_decay < 1))
    throw UsageError(message("[train] expected an EMA decay in [0,1), got ", options_.ema_decay));
  if (!(options_.label_smoothing >= 0 && options_.label_smoothing <= 1))
    throw UsageError(message("[train] expected a label smoothing in [0,1], got ", options_.label_smoothing));
  options_.loader.shuffle = true;
  options_.loader.drop_last = true;
  options_.loader.epochs = options_.epochs;
  start_loader();
  steps_per_epoch_ = loader_->batches_per_epoch();
  options_.schedule.total_steps = total_steps();
  check_schedule(options_.schedule);
  if (options_.ema_decay > 0) {
    average_ =
        make_network(network.arch(), network.num_classes(), {.device = network.device(), .image = network.image()});
    average_->set_requires_grad(false);
    average_->load_state(network.state());
  }
}

void Trainer::start_loader() {
  const dim_t per_epoch = std::max<dim_t>(1, steps_per_epoch_);
  loader_ = std::make_unique<DataLoader>(data_, options_.loader,
                                         LoaderPosition{next_step_ / per_epoch, next_step_ % per_epoch});
}

void Trainer::load_batch(float learning_rate) {
  const Device device = network_.device();
  if (!images_.defined()) {
    images_ = Tensor::empty({batch_.count, data_.channels, data_.height, data_.width}, DType::kF32, device);
    labels_ = Tensor::empty({batch_.count}, DType::kI32, device);
    learning_rate_ = Tensor::empty({}, DType::kF32, device);
  }
  copy_to_device(device, images_.raw_data(), batch_.images.data(), batch_.images.size() * sizeof(float));
  copy_to_device(device, labels_.raw_data(), batch_.labels.data(), batch_.labels.size() * sizeof(std::int32_t));
  copy_to_device(device, learning_rate_.raw_data(), &learning_rate, sizeof learning_rate);
}

void Trainer::passes_and_update() {
  const Tensor logits = network_.forward(images_);
  const Tensor loss = softmax_cross_entropy(logits, labels_, {.label_smoothing = options_.label_smoothing});
  loss_ = loss.detach();
  logits_ = logits.detach();
  if (network_.device().is_cpu() && !std::isfinite(loss_.item())) return;
  const std::vector<Tensor> gradients = grad({loss}, parameters_);
  Tensor scale;
  if (options_.clip_norm > 0) scale = grad_norm(gradients, options_.clip_norm).factor;
  optimizer_.step(gradients, learning_rate_, scale);
}

void Trainer::run_on_device() {
  if (options_.capture && !captured_) captured_ = std::make_unique<CapturedWork>(network_.device());
  if (!options_.capture || profiler::enabled()) return passes_and_update();
  const std::uint64_t drawn = network_.dropout_generator().offset();
  captured_->run([this] { passes_and_update(); });
  // The graph would repeat the masks of its capture. They show in the first, issued step.
  if (network_.dropout_generator().offset() != drawn) options_.capture = false;
}

TrainStep Trainer::step() {
  if (done() || !loader_->next(batch_))
    throw UsageError("[train] expected a step before the end of the training, got one after it");
  network_.train();
  TrainStep result;
  result.step = next_step_;
  result.epoch = batch_.position.epoch;
  result.last_of_epoch = batch_.last_of_epoch;
  result.learning_rate = learning_rate(options_.schedule, next_step_);
  load_batch(float(result.learning_rate));
  if (network_.device().is_cpu())
    passes_and_update();
  else
    run_on_device();
  result.loss = loss_.item();
  result.count = batch_.count;
  result.correct = count_correct(logits_, batch_.labels);
  if (!std::isfinite(result.loss))
    throw DataError(message("[train] expected a finite loss, got ", result.loss, " in step ", next_step_,
                            "; hint: a lower learning rate"));
  update_average();
  ++next_step_;
  return result;
}

void Trainer::update_average() {
  if (!average_) return;
  const double warm = double(1 + next_step_) / double(10 + next_step_);
  ema_step(tensors_of(average_->named_state()), tensors_of(network_.named_state()), std::min(options_.ema_decay, warm));
}

void Trainer::save(const std::filesystem::path& path, const std::string& fingerprint) const {
  StateDict all;
  add_prefixed(all, "model.", network_.state());
  if (average_) add_prefixed(all, "average.", average_->state());
  add_prefixed(all, "optimizer.", optimizer_.state());
  io::save_tensors(path, all, {{"step", std::to_string(next_step_)}, {"fingerprint", fingerprint}});
}

void Trainer::resume(const std::filesystem::path& path, const std::string& fingerprint) {
  const io::TensorFile file = io::load_tensors(path);
  const auto saved = file.metadata.find("fingerprint");
  if (saved == file.metadata.end() || saved->second != fingerprint)
    throw DataError(message("[resume] expected a checkpoint of this configuration, got another one in ", path.string(),
                            "; hint: resume with the options and the thread count that the run was started with"));
  dim_t step = -1;
  if (const auto text = file.metadata.find("step"); text != file.metadata.end())
    std::from_chars(text->second.data(), text->second.data() + text->second.size(), step);
  if (step < 0 || step > total_steps())
    throw DataError(message("[resume] expected a step in [0,", total_steps(), "] in ", path.string(), ", got ", step));
  network_.load_state(with_prefix_removed(file.tensors, "model."));
  if (average_) average_->load_state(with_prefix_removed(file.tensors, "average."));
  optimizer_.load_state(with_prefix_removed(file.tensors, "optimizer."));
  next_step_ = step;
  captured_.reset();  // it holds the state by its place
  start_loader();
}

}  // namespace engram
