/// engram-analyze cka

#include <cmath>
#include <memory>
#include <ostream>

#include "apps/analyze/commands.h"
#include "apps/analyze/picture_output.h"
#include "apps/analyze/subjects.h"
#include "apps/common/canvas.h"
#include "apps/common/exit_code.h"
#include "engine/autograd.h"
#include "models/methods/metrics/cka.h"
#include "models/methods/metrics/layer_features.h"

namespace engram::apps {
namespace {

struct CkaSettings {
  SubjectSettings subject = {.limit = 512};
  std::string layers = "stages", estimator = "unbiased", kernel = "linear";
  double bandwidth = 1;
  bool halves = false;
};

CkaEstimator estimator_of(const std::string& name) {
  if (name == "biased") return CkaEstimator::kBiased;
  return name == "unbiased" ? CkaEstimator::kUnbiased : CkaEstimator::kMinibatch;
}

/// The layers of one batch, and with `halves` the two halves of the last stage's channels.
LayerFeatures features_of(const Subject& subject, const Tensor& images, const CkaSettings& s) {
  LayerFeatures features =
      layer_features(subject.network(), images, s.layers == "all" ? LayerSelection::kAll : LayerSelection::kStages);
  if (!s.halves) return features;
  const Tensor last = features.values[features.values.size() - 3].contiguous();  // before pooled and logits
  const dim_t channels = last.dim(1), half = channels / 2;
  features.names.insert(features.names.end(), {"inherit", "explore"});
  features.values.push_back(slice(last, 1, 0, half));
  features.values.push_back(slice(last, 1, half, channels));
  return features;
}

Tensor gram_of(const Tensor& features, const CkaSettings& s) {
  const NoGradGuard no_grad;
  return s.kernel == "linear" ? gram_matrix(features) : gaussian_gram(features, s.bandwidth);
}

/// Names of the layers, and the Gram matrices of each batch.
struct Grams {
  std::vector<std::string> names;
  std::vector<std::vector<Tensor>> batches;
  bool completed = false;
};

Grams grams_of(const Call& call, const Subject& subject, const ImageDataset& images, const SubjectSettings& batches,
               const CkaSettings& s) {
  Grams result;
  result.completed = for_batches(call, batches, images, subject.network().device(), subject.classifier.normalization,
                                 [&](const Tensor& x, const Tensor&, dim_t) {
                                   LayerFeatures features = features_of(subject, x, s);
                                   auto& grams = result.batches.emplace_back();
                                   for (const Tensor& value : features.values) grams.push_back(gram_of(value, s));
                                   result.names = std::move(features.names);
                                 });
  return result;
}

/// The batch in which Gram matrices are made: without mini-batches, all images.
SubjectSettings batches_of(const CkaSettings& s, const ImageDataset& images) {
  SubjectSettings batches = s.subject;
  if (estimator_of(s.estimator) != CkaEstimator::kMinibatch) batches.batch_size = images.count;
  const dim_t least = s.estimator == "biased" ? 2 : 4;
  if (std::min<dim_t>(batches.batch_size, images.count) < least)
    throw UsageError(message("expected ", least, " or more images at a time for the ", s.estimator, " estimator, got ",
                             std::min<dim_t>(batches.batch_size, images.count)));
  return batches;
}

}  // namespace

int run_cka(Call& call) {
  CkaSettings s;
  Cli cli(call,
          "Compares every layer of one network with every layer of another, or of itself, by centred kernel "
          "alignment (CKA) over the same images.");
  add_subject_settings(cli, s.subject, "One or two networks", "images");
  cli.group("Comparison");
  cli.option("layers", &s.layers, "stages: ends of stages, pooled vector, logits; all: also each normalisation's input")
      .choices({"stages", "all"});
  cli.option("estimator", &s.estimator,
             "biased and unbiased hold all images at a time; minibatch is the mean over batches, for many images")
      .choices({"biased", "unbiased", "minibatch"});
  cli.option("kernel", &s.kernel, "Likeness of two images").choices({"linear", "gaussian"});
  cli.option("bandwidth", &s.bandwidth, "Of the gaussian kernel, by the median distance").at_least(0.001);
  cli.option("halves", &s.halves, "Also the two halves of the last stage's channels: inheritance, exploration");
  if (!cli.parse()) return kExitOk;
  const Subjects subjects = open_subjects(call, s.subject, 1, 2, true);
  const Subject &first = subjects.networks.front(), &second = subjects.networks.back();
  const SubjectSettings batches = batches_of(s, subjects.images);
  PictureOutput out(s.subject.out, {"first", "first_layer", "second", "second_layer", "cka"});

  Grams a = grams_of(call, first, subjects.images, batches, s);
  Grams b = subjects.networks.size() == 1 ? a : grams_of(call, second, subjects.images, batches, s);
  if (!a.completed || !b.completed) return stopped(call);
  CkaMatrix matrix(a.names.size(), b.names.size(), estimator_of(s.estimator));
  for (std::size_t i = 0; i < a.batches.size(); ++i)
    if (s.estimator == "biased" || a.batches[i].front().dim(0) >= 4)  // a last batch may be too small
      matrix.add(a.batches[i], b.batches[i]);
  const auto values = matrix.values();
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = 0; j < values[i].size(); ++j) {
      out.table().cell(first.name).cell(a.names[i]).cell(second.name).cell(b.names[j]);
      if (std::isfinite(values[i][j]))
        out.table().cell(values[i][j]);
      else
        out.table().cell("");  // a layer that is the same for all images is like no other
      out.table().end_row();
    }
  out.commit(call, matrix_picture(values, a.names, b.names, 0, 1));
  return kExitOk;
}

}  // namespace engram::apps
