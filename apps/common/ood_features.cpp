#include "apps/common/ood_features.h"

#include <algorithm>

#include "apps/common/ood_pictures.h"
#include "engine/autograd.h"
#include "engine/io/png.h"
#include "engine/ops.h"
#include "engine/ops/residual_cosine.h"
#include "models/data/batch_stager.h"
#include "models/data/evenly_spread.h"
#include "models/nets/two_branch.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

constexpr dim_t kBatch = 256;

/// Rows of features with what is known of each.
struct Cloud {
  std::vector<float> rows;
  dim_t width = 0;
  std::vector<int> labels, environments, contexts;  // contexts: -1 where there is none

  void add(const Tensor& features) {
    width = features.dim(1);
    const std::vector<float> values = features.to_vector();
    rows.insert(rows.end(), values.begin(), values.end());
  }
};

/// The images of an environment as network input, batch by batch.
template <class Visit>
void for_batches(const ImageDataset& images, const Device& device, const Visit& visit) {
  const DeviceDataset on_device(images, device);
  BatchStager stager(on_device, {.batch_size = kBatch});
  for (dim_t batch = 0; batch < stager.batches_per_epoch(); ++batch) {
    stager.stage({0, batch});
    visit(stager.gather(), stager.samples());
  }
}

Cloud features_of(Network& network, const Environments& environments, dim_t most) {
  Cloud cloud;
  for (std::size_t e = 0; e < environments.size(); ++e) {
    const ImageDataset images = evenly_spread(environments[e].images, most);
    for_batches(images, network.device(), [&](const LabelledBatch& batch, const std::vector<dim_t>& samples) {
      cloud.add(network.inference(batch.images, {.logits = false, .pooled = true}).pooled);
      for (const dim_t i : samples) {
        cloud.labels.push_back(images.labels[std::size_t(i)]);
        cloud.environments.push_back(int(e));
        cloud.contexts.push_back(images.contexts.empty() ? -1 : images.contexts[std::size_t(i)]);
      }
    });
  }
  return cloud;
}

std::vector<std::string> names_of(const Environments& environments) {
  std::vector<std::string> names;
  for (const Environment& e : environments) names.push_back(e.name);
  return names;
}

/// The training images' context features, and the same after a step of the augmentation: groups 2k and 2k + 1 of
/// context k.
Cloud augmented_features(TwoBranchNetwork& network, const Environments& environments, dim_t most, double step) {
  Cloud cloud;
  for (const Environment& e : environments) {
    const ImageDataset images = evenly_spread(e.images, most);
    for_batches(images, network.device(), [&](const LabelledBatch& batch, const std::vector<dim_t>& samples) {
      std::vector<std::int32_t> contexts;
      for (const dim_t i : samples) contexts.push_back(images.contexts[std::size_t(i)]);
      const Tensor pooled = network.inference(batch.images, {.logits = false, .pooled = true}).pooled;
      const auto context = network.branches(pooled, false).context;
      const Tensor targets =
          one_hot(Tensor::from(contexts, {dim_t(contexts.size())}, network.device()), network.num_contexts());
      const Tensor &a2 = context.features, residual = head_residual(context.logits, targets).residual;
      const Tensor both = shifted_concat(a2, a2, residual, network.context().head.weight,
                                         Tensor::ones({1}, network.device()), float(step), 1e-8f);
      for (const bool after : {false, true}) {
        cloud.add(slice(both, 1, after ? a2.dim(1) : 0, (after ? 2 : 1) * a2.dim(1)));
        for (const std::int32_t k : contexts) cloud.contexts.push_back(2 * k + after);
      }
    });
  }
  return cloud;
}

void write_scatter(const fs::path& file, const std::string& title, const Cloud& cloud, const std::vector<int>& groups,
                   const std::vector<std::string>& names) {
  const PrincipalPlane plane(cloud.rows, cloud.width);
  io::write_png(file, scatter_picture(title, plane.points(cloud.rows), groups, names));
}

}  // namespace

void write_feature_pictures(const fs::path& folder, Network& network, const OodData& data, dim_t most, double step) {
  NoGradGuard no_grad;
  Environments all = data.train;
  all.insert(all.end(), data.test.begin(), data.test.end());
  const Cloud cloud = features_of(network, all, most);
  const ImageDataset& first = data.train.front().images;
  write_scatter(folder / "features_by_class.png", "features by class", cloud, cloud.labels, first.class_names);
  write_scatter(folder / "features_by_environment.png", "features by environment", cloud, cloud.environments,
                names_of(all));
  if (std::none_of(cloud.contexts.begin(), cloud.contexts.end(), [](int k) { return k < 0; }))
    write_scatter(folder / "features_by_context.png", "features by " + data.context_word, cloud, cloud.contexts,
                  first.context_names);
  auto* branches = dynamic_cast<TwoBranchNetwork*>(&network);
  if (branches == nullptr || first.contexts.empty() || dim_t(first.context_names.size()) != branches->num_contexts())
    return;
  const Cloud moved = augmented_features(*branches, data.train, most, step);
  std::vector<std::string> names;
  for (const std::string& name : first.context_names) names.insert(names.end(), {name, name + " moved"});
  write_scatter(folder / "augmented_features.png", "context features and their augmentation", moved, moved.contexts,
                names);
}

}  // namespace engram::apps
