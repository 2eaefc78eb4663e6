#include "models/methods/ood/decaug.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/row_shuffle.h"

namespace engram {
namespace {

TwoBranchNetwork& two_branches(Network& network) {
  auto* result = dynamic_cast<TwoBranchNetwork*>(&network);
  if (!result)
    throw UsageError(message("[decaug] expected a two-branch network, got ", network.arch(),
                             " (ood_network names the one on top of it)"));
  return *result;
}

/// Whether `value` is the first of two words. Throws UsageError for any other word.
bool is_first(const char* setting, const std::string& value, const char* first, const char* second) {
  if (value != first && value != second)
    throw UsageError(message("[decaug] expected ", setting, " ", first, " or ", second, ", got '", value, "'"));
  return value == first;
}

DecAugReading reading_of(const DecAugSettings& s) {
  DecAugReading reading;
  reading.sum = is_first("orth_reduction", s.orth_reduction, "sum", "mean");
  reading.full = is_first("orth_grad", s.orth_grad, "full", "heads");
  reading.double_softmax = is_first("aux_ce", s.aux_ce, "double", "single");
  reading.orth_eps = s.orth_eps;
  return reading;
}

void check_settings(const DecAugSettings& s) {
  is_first("alpha", s.alpha, "batch", "sample");
  is_first("direction", s.direction, "gradient", "random");
  if (s.context != "labels" && s.context != "shuffled" && s.context != "environment")
    throw UsageError(message("[decaug] expected context labels, shuffled or environment, got '", s.context, "'"));
  for (const double value : {s.lambda_cat, s.lambda_ctx, s.lambda_orth, s.orth_eps, s.aug_eps})
    if (!(value >= 0)) throw UsageError(message("[decaug] expected settings of at least 0, got ", value));
}

void check_contexts(const DecAugSettings& s, const EnvironmentSource& source, const TwoBranchNetwork& network) {
  const dim_t contexts = s.context == "environment" ? source.num_environments() : source.num_contexts();
  if (contexts < 2)
    throw UsageError(message("[decaug] expected images with context labels of at least 2 kinds, got ", contexts));
  if (contexts != network.num_contexts())
    throw UsageError(message("[decaug] expected a network of ", contexts, " contexts, got ", network.num_contexts()));
  if (network.num_classes() != source.num_classes())
    throw UsageError(
        message("[decaug] expected a network of ", source.num_classes(), " classes, got ", network.num_classes()));
}

Tensor hits(const Tensor& logits, const Tensor& targets) {
  const NoGradGuard no_grad;
  return mean(sum(one_hot(argmax(logits.detach()), logits.dim(1)) * targets, {1}));
}

}  // namespace

DecAugSettings decaug_paper_settings() {
  DecAugSettings settings;
  settings.orth_reduction = "mean";
  settings.orth_grad = "full";
  settings.aux_ce = "single";
  settings.alpha = "sample";
  return settings;
}

DecAug::DecAug(const DecAugSettings& settings, const OodSetup& setup)
    : OodTask(setup,
              {"category_loss", "context_loss", "orthogonal", "fused_loss", "squared_cosine", "category_gradient",
               "context_gradient", "category_accuracy", "context_accuracy", "boundary_distance"}),
      settings_(settings),
      reading_(reading_of(settings)),
      branches_(two_branches(setup.network)),
      noise_(Generator(setup.options.seed).split(1)) {
  check_settings(settings);
  check_contexts(settings, source_, branches_);
  const dim_t images = images_per_step();
  if (images < 2) throw UsageError(message("[decaug] expected at least 2 images a step, got ", images));
  alpha_ = Tensor::zeros({settings.alpha == "batch" ? 1 : images, 1}, device());
  if (settings.context == "shuffled") shuffle_ = Tensor::zeros({images, images}, device());
}

void DecAug::set_alpha(const std::vector<float>& alpha) {
  stage_values(alpha_, alpha);
}

void DecAug::stage_method(dim_t step) {
  Generator draws = Generator(options_.seed).split(2).split(std::uint64_t(step));
  std::vector<float> alpha;
  for (dim_t i = 0; i < alpha_.numel(); ++i) alpha.push_back(draws.number());
  set_alpha(alpha);
  if (shuffle_.defined()) stage_values(shuffle_, shuffle_matrix(draws.permutation(shuffle_.dim(0))));
}

Tensor DecAug::context_targets(const EnvironmentBatch& batch) const {
  if (settings_.context == "environment") return one_hot(environment_labels(batch), branches_.num_contexts());
  const Tensor targets = one_hot(concat(batch.contexts, 0), branches_.num_contexts());
  return shuffle_.defined() ? matmul(shuffle_, targets) : targets;
}

Tensor DecAug::augmented(const TwoBranchNetwork::Branches& branches, const Tensor& residual) {
  const Tensor &a1 = branches.category.features, &a2 = branches.context.features;
  if (settings_.direction == "gradient")
    return shifted_concat(a1, a2, residual, branches_.context().head.weight, alpha_, float(settings_.aug_eps),
                          float(settings_.orth_eps));
  const Tensor noise = normal(a2.shape(), noise_, 0, 1, a2.device());
  return concat({a1, a2 + float(settings_.aug_eps) * alpha_ * (noise / norm(noise, {1}, true))}, 1);
}

void DecAug::update(const EnvironmentBatch& batch) {
  const LabelledBatch all = joined(batch);
  const Tensor y = one_hot(all.labels, network_.num_classes()), k = context_targets(batch);
  const TwoBranchNetwork::Branches out = branches_.branches(features_of(all.images), true);
  const auto& [z, category, context] = out;

  const HeadResidual category_head = head_residual(category.logits, y, reading_.double_softmax),
                     context_head = head_residual(context.logits, k, reading_.double_softmax);
  const GradientAngles angles =
      branch_angles({branches_.category(), category.features, {category.logits, y, category_head.residual}},
                    {branches_.context(), context.features, {context.logits, k, context_head.residual}},
                    branches_.activation(), reading_);
  const Tensor logits = branches_.fused(augmented(out, context_head.residual));

  const Tensor category_loss = mean(category_head.losses), context_loss = mean(context_head.losses);
  const Tensor orthogonal = orthogonal_term(angles, reading_.sum);
  const Tensor fused_loss = softmax_cross_entropy(logits, all.labels);
  const Tensor total = fused_loss + float(settings_.lambda_cat) * category_loss +
                       float(settings_.lambda_ctx) * context_loss + float(settings_.lambda_orth) * orthogonal;

  const Tensor distance = mean(boundary_distance(context.logits, branches_.context().head));
  const std::vector<Tensor> terms = {category_loss,
                                     context_loss,
                                     orthogonal,
                                     fused_loss,
                                     mean(square(angles.cosine)).detach(),
                                     mean(angles.norm1),
                                     mean(angles.norm2),
                                     hits(category.logits, y),
                                     hits(context.logits, k),
                                     distance};
  record(descend(total), terms, cut(logits, batch), batch);
}

void DecAug::visit_method(StateVisitor& visitor) {
  visitor.visit("noise", noise_);
  visitor.visit("encoder.dropout", branches_.body().dropout_generator());
}

namespace {

Settings decaug_settings(DecAugSettings& s) {
  return {{"lambda_cat", &s.lambda_cat, "weight of the category head's loss"},
          {"lambda_ctx", &s.lambda_ctx, "weight of the context head's loss"},
          {"lambda_orth", &s.lambda_orth, "weight of the orthogonal term"},
          {"orth_reduction", &s.orth_reduction, "sum or mean over the batch of the squared cosine"},
          {"orth_grad", &s.orth_grad, "heads: it trains branches' and heads' weights alone; full: all below too"},
          {"orth_eps", &s.orth_eps, "added to norms before they divide"},
          {"aux_ce", &s.aux_ce, "double: the heads' losses take softmax outputs for logits; single: they do not"},
          {"aug_eps", &s.aug_eps, "longest step of the augmentation; 0 is none"},
          {"alpha", &s.alpha, "batch or sample: how often a share of that step is drawn"},
          {"direction", &s.direction, "gradient, or random unit vectors, for comparison"},
          {"context", &s.context, "labels, shuffled (for comparison), or environment in their place"}};
}

}  // namespace

void add_decaug(OodRegistry& registry) {
  const auto make = [](const DecAugSettings& s, const OodSetup& setup) { return std::make_unique<DecAug>(s, setup); };
  registry.add<DecAugSettings>("decaug", "DecAug (Bai et al. 2021) as the authors' code has it", {.images = 1}, {},
                               decaug_settings, make);
  registry.add<DecAugSettings>("decaug-paper", "DecAug as the paper describes it", {.images = 1},
                               decaug_paper_settings(), decaug_settings, make);
}

}  // namespace engram
