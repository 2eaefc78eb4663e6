#include "models/methods/inversion/synthesis.h"

#include <limits>

#include "engine/autograd.h"
#include "engine/device_memory.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/data_free/agreement_divergence.h"
#include "models/methods/data_free/data_free_task.h"
#include "models/name_hash.h"

namespace engram {
namespace {

constexpr int kPadding = 4;

/// 64-bit FNV-1a.
Network& checked(const InversionSetup& setup, const std::string& method) {
  require_batch_norm(setup.classifier, method);
  if (setup.student) check_student(setup.classifier, *setup.student);
  check_normalization(setup.normalization, setup.classifier.image().channels);
  if (setup.iterations < 1)
    throw UsageError(message("[", method, "] expected at least 1 iteration, got ", setup.iterations));
  return setup.classifier;
}

/// Writes zeros over all tensors that it is shown.
class ZeroState : public StateVisitor {
 public:
  using StateVisitor::visit;
  void visit(const std::string& name, const Tensor& tensor) override {
    if (tensor.dtype() == DType::kF32)
      fill(tensor, Init::constant(0), 0, name);
    else
      zero_counter(tensor);
  }
  void visit(const std::string&, std::vector<std::int64_t>&) override {}
  void visit(const std::string&, std::vector<double>&) override {}

 private:
  static void zero_counter(const Tensor& tensor) {
    const std::vector<std::int32_t> zeros(std::size_t(tensor.numel()), 0);
    copy_to_device(tensor.device(), tensor.raw_data(), zeros.data(), zeros.size() * sizeof(std::int32_t));
    tensor.bump_version();
  }
};

}  // namespace

Synthesis::Synthesis(const InversionSetup& setup, const std::string& method)
    : classifier_(checked(setup, method)),
      student_(setup.student),
      batch_size_(setup.batch_size),
      iterations_(setup.iterations),
      batch_index_(setup.batch_index),
      draws_(Generator(setup.seed).split(name_hash("draws"))),
      noise_(Generator(setup.seed).split(name_hash("noise")).seed(), setup.classifier.device()),
      crops_(setup.batch_size, setup.classifier.device()),
      label_tensor_(Tensor::from(std::vector<std::int32_t>(std::size_t(setup.batch_size), 0), {setup.batch_size},
                                 setup.classifier.device())),
      best_loss_(Tensor::scalar(0, setup.classifier.device())),
      seed_(setup.seed),
      mean_(channel_values(setup.normalization.mean, setup.classifier.device())),
      deviation_(channel_values(setup.normalization.std, setup.classifier.device())) {
  const ImageShape& image = classifier_.image();
  best_images_ = Tensor::zeros({batch_size_, image.channels, image.height, image.width}, device());
  classifier_.eval();
  classifier_.set_requires_grad(false);
}

std::uint64_t Synthesis::seed_for(const std::string& purpose) const {
  return Generator(seed_).split(name_hash(purpose)).seed();
}

void Synthesis::begin(std::vector<std::int32_t> labels) {
  set_labels(labels);
  fill(best_loss_, Init::constant(std::numeric_limits<float>::max()), 0, "");
}

void Synthesis::set_labels(const std::vector<std::int32_t>& labels) {
  stage_values(label_tensor_, labels);
  labels_ = labels;
}

std::vector<std::int32_t> Synthesis::random_labels() {
  std::vector<std::int32_t> labels;
  for (dim_t i = 0; i < batch_size_; ++i) labels.push_back(draws_.integer(0, classifier_.num_classes()));
  return labels;
}

void Synthesis::stage(dim_t step) {
  step_ = step;
  stage_crops(draw_crops(batch_size_, kPadding, draws_));
}

Tensor Synthesis::current_images() {
  const NoGradGuard no_grad;
  return generate();
}

Tensor Synthesis::adversarial(const Tensor& x, const Tensor& logits, bool on) {
  if (!student_ || !on) return Tensor::zeros({}, device());
  student_->eval();
  return agreement_divergence(student_->forward(x), logits).loss;
}

void Synthesis::visit_common(StateVisitor& visitor) {
  visitor.visit("draws", draws_);
  visitor.visit("noise", noise_.stream());
  visitor.visit("labels", label_tensor_);
  visitor.visit("best_images", best_images_);
  visitor.visit("best_loss", best_loss_);
  std::vector<std::int64_t> index = {batch_index_};
  visitor.visit("batch_index", index);
  if (!visitor.restores()) return;
  if (index.size() != 1 || index[0] < 0) throw DataError("[resume] expected the number of the batch, got another list");
  batch_index_ = index[0];
  labels_ = label_tensor_.to_int_vector();
}

void reset_generator(LatentGenerator& generator, std::uint64_t seed) {
  for (const NamedTensor& named : generator.named_parameters()) {
    const bool weight = named.name.ends_with("weight");
    const Init init = !weight                    ? Init::constant(0)
                      : named.tensor.rank() == 1 ? Init::normal(1, 0.02f)
                                                 : Init::normal(0, 0.02f);
    fill(named.tensor, init, seed, named.name);
  }
}

void reset_optimizer(Optimizer& optimizer) {
  ZeroState zeros;
  zeros.visit("optimizer", optimizer);
}

}  // namespace engram
