#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/ood/ood_registry.h"
#include "models/nets/make_network.h"

namespace engram {
namespace {

struct MtlSettings {
  double ema = 0.99;
};
Settings mtl_settings(MtlSettings& s) {
  return {{"ema", &s.ema, "share of the batch's mean in an environment's embedding"}};
}

/// Marginal transfer learning: the classifier sees the environment's mean feature beside each image's. Its layer on the
/// embeddings stands beside the network's head; what is deployed has the mean of the embeddings in the head's bias.
class Mtl : public OodTask {
 public:
  Mtl(const MtlSettings& settings, const OodSetup& setup)
      : OodTask(setup, {}), ema_(settings.ema), on_embedding_(feature_width(), network_.num_classes(), device()) {
    if (!(ema_ > 0 && ema_ <= 1)) throw UsageError(message("[mtl] expected an ema in (0,1], got ", ema_));
    if (options_.average.kind != "none")
      throw UsageError("[mtl] expected no average of the weights: the embeddings belong to the last ones");
    on_embedding_.initialize(options_.seed);
    add_parameters("on_embedding", on_embedding_);
    const dim_t width = on_embedding_.weight.dim(1);
    for (dim_t e = 0; e < source_.num_environments(); ++e) embeddings_.push_back(Tensor::zeros({1, width}, device()));
    folded_ = make_network(network_.arch(), network_.num_classes(),
                           {.seed = std::nullopt, .device = device(), .image = network_.image()});
    folded_->set_requires_grad(false);
  }
  Network& deployed() override {
    const NoGradGuard no_grad;
    folded_->load_state(network_.state());
    Linear* head = nullptr;
    for (const NamedModule& named : folded_->named_modules())
      if (auto* linear = dynamic_cast<Linear*>(named.module)) head = linear;
    const Tensor shift = on_embedding_.forward(mean_of(embeddings_));
    copy_into(head->bias, head->bias + reshape(shift, head->bias.shape()));
    return *folded_;
  }

 protected:
  void update(const EnvironmentBatch& batch) override {
    std::vector<Tensor> logits;
    for (std::size_t e = 0; e < batch.environments.size(); ++e) {
      const Tensor features = features_of(batch.environments[e].images);
      const Tensor past = float(1 - ema_) * embeddings_[e].clone();
      const Tensor embedding = float(ema_) * mean(features, {0}, true) + past;
      copy_into(embeddings_[e], embedding.detach());
      const Tensor outputs = network_.logits_from_pooled(features, true) + on_embedding_.forward(embedding);
      logits.push_back(class_logits(outputs));
    }
    record(descend(sum_of(risks_of(logits, batch))), {}, logits, batch);
  }
  void visit_method(StateVisitor& visitor) override {
    visitor.visit("on_embedding", on_embedding_);
    visitor.visit("embeddings", embeddings_);
  }

 private:
  double ema_;
  Linear on_embedding_;
  std::vector<Tensor> embeddings_;
  std::unique_ptr<Network> folded_;
};

}  // namespace

void add_mtl(OodRegistry& registry) {
  registry.add<MtlSettings>(
      "mtl", "marginal transfer learning (Blanchard et al. 2021): the environment's mean feature beside each",
      {.environments = true}, {}, mtl_settings,
      [](const MtlSettings& s, const OodSetup& setup) { return std::make_unique<Mtl>(s, setup); });
}

}  // namespace engram
