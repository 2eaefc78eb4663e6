#include "apps/common/prune_inputs.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/common/classifier_images.h"
#include "apps/common/data_of_run.h"
#include "models/data/dataset_hash.h"
#include "models/data/evenly_spread.h"

namespace engram::apps {
namespace {

ImageDataset read_images(const Classifier& classifier, const std::filesystem::path& path, const std::string& kind,
                         Split split, std::ostream* notes) {
  DataSettings images;
  images.data = path;
  images.dataset = kind;
  ImageDataset data = open_classifier_images(classifier, request_of(data_of_run(images, notes), split), notes);
  const int classes = classifier.network->num_classes();
  if (data.num_classes != classes)
    throw DataError(
        message(path.string(), ": expected images of the classifier's ", classes, " classes, got ", data.num_classes));
  data.normalization = classifier.normalization;
  return data;
}

/// The share of prunable channels that the masks take out.
double share_gone(const std::vector<ChannelMask>& masks) {
  dim_t all = 0, kept = 0;
  for (const ChannelMask& mask : masks) {
    all += dim_t(mask.size());
    kept += count_kept(mask);
  }
  return 1 - double(kept) / double(all);
}

std::vector<double> ratios_of(const PruneSettings& s, Network& network) {
  // With shares of their own the stages need no common one; the curve then has a single point.
  if (has_stage_shares(s)) return {share_gone(channel_masks(s, network, 0))};
  std::vector<double> ratios = s.ratios;
  std::sort(ratios.begin(), ratios.end());
  ratios.erase(std::unique(ratios.begin(), ratios.end()), ratios.end());
  for (std::size_t i = 1; i < ratios.size(); ++i)
    if (result_name(ratios[i]) == result_name(ratios[i - 1]))
      throw UsageError(message("--ratio: expected ratios that differ in the first four decimals, got ", ratios[i - 1],
                               " and ", ratios[i]));
  return ratios;
}

}  // namespace

PruneInputs read_prune_inputs(const PruneSettings& s, Program& program) {
  check_prune_settings(s);
  std::ostream* const notes = s.common.quiet ? nullptr : program.call().err;
  PruneInputs in;
  in.classifier = open_classifier(s.classifier, s.assumed, program.device(), notes);
  check_plan_network(filter_plan(s, 0), in.classifier.network->arch());
  program.add_input("classifier", classifier_file(s.classifier));
  in.ratios = ratios_of(s, *in.classifier.network);
  // Refused before anything is read or runs; after sparse training the gains, and so what they allow, will be others.
  if (s.sparse_epochs == 0)
    for (const double ratio : in.ratios) channel_masks(s, *in.classifier.network, ratio);
  in.test = read_images(in.classifier, s.data, s.dataset, Split::kTest, notes);
  program.add_input("data", s.data, {{"data/test", dataset_sha256(in.test)}});
  if (!s.finetune.empty()) {
    in.images =
        evenly_spread(read_images(in.classifier, s.finetune, s.finetune_dataset, Split::kTrain, notes), s.limit);
    if (s.batch_size > in.images.count)
      throw UsageError(message("--batch-size: expected at most the ", in.images.count, " images of ",
                               s.finetune.string(), ", got ", s.batch_size));
    program.add_input("finetune", s.finetune, {{"finetune/images", dataset_sha256(in.images)}});
  }
  return in;
}

std::vector<ChannelMask> channel_masks(const PruneSettings& settings, Network& network, double ratio) {
  const std::vector<ChannelGroup> groups = channel_groups(network);
  return settings.method == "slimming" ? slimming_masks(network.state(), groups, ratio)
                                       : filter_masks(network.state(), groups, filter_plan(settings, ratio));
}

std::string result_name(double ratio) {
  char name[64];
  std::snprintf(name, sizeof name, "pruned_%04d.safetensors", int(std::llround(1e4 * ratio)));
  return name;
}

}  // namespace engram::apps
