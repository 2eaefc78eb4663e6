#include "apps/common/prune_settings.h"

namespace engram::apps {
namespace {

constexpr const char* kNone = "none";

std::vector<std::string> published_names() {
  std::vector<std::string> names = {kNone};
  for (const auto& [name, plan] : published_filter_plans()) names.push_back(name);
  return names;
}

}  // namespace

void add_prune_settings(Cli& cli, PruneSettings& s) {
  cli.positional("classifier", &s.classifier, "Classifier: a .safetensors file, or the run folder of engram-train")
      .only_on_command_line()
      .required("resume")
      .input();
  add_classifier_options(cli, s.assumed);
  cli.group("What goes");
  cli.option("method", &s.method, "slimming: channels of small normalisation gains; l1: filters of small L1 norm")
      .choices({"slimming", "l1"});
  cli.option("ratio", &s.ratios, "Shares of the channels that go; several make a curve").at_least(0).at_most(1);
  cli.option("stage-ratios", &s.stage_ratios, "l1: one share for each stage instead");
  cli.option("skip", &s.skip, "l1: convolutions that stay whole, counted from 1 without projections");
  cli.option("published", &s.published, "l1: shares and whole convolutions of the published code")
      .choices(published_names());
  cli.group("Images");
  cli.option("data", &s.data, "Real data set, on whose test part the accuracy is measured")
      .only_on_command_line()
      .required("resume")
      .input();
  cli.option("dataset", &s.dataset, "Kind of the data set").choices(dataset_kinds());
  cli.option("finetune", &s.finetune, "Images to recover with: a pool of made ones or a data set's training part")
      .input();
  cli.option("finetune-dataset", &s.finetune_dataset, "Kind of these images").choices(dataset_kinds());
  add_limit_option(cli, s.limit, "images to recover with");
  add_augment_settings(cli, s.augment);
  cli.group("Sparse training before slimming");
  cli.option("sparse-epochs", &s.sparse_epochs, "Passes over the images of --finetune; 0 takes the gains as they are")
      .at_least(0)
      .at_most(1000000);
  cli.option("sparsity", &s.sparsity, "Weight of the gains' absolute values").at_least(0);
  cli.option("sparse-lr", &s.sparse_lr, "Learning rate").at_least(0);
  cli.group("Recovery");
  cli.option("epochs", &s.epochs, "Passes over the images").at_least(1).at_most(1000000);
  cli.option("batch-size", &s.batch_size, "Images a step").at_least(1);
  add_sgd_settings(cli, s.optimizer);
  cli.option("schedule", &s.schedule, "Course of the learning rate").choices({"constant", "cosine"});
  cli.option("label-weight", &s.label_weight, "Of the cross entropy with the labels").at_least(0);
  cli.option("distill-weight", &s.distill_weight, "Of the divergence from the unpruned network; 0 learns labels alone")
      .at_least(0);
  cli.option("temperature", &s.temperature, "Of that divergence").at_least(0.01);
  cli.option("graph", &s.graph, "On CUDA devices: repeat the step as one CUDA graph");
  add_training_run_options(cli, s.common);
  cli.footer(
      "The result is a classifier file like any other: the network's name in it has the channels that are left."
      "\n\n" +
      dataset_help());
}

void check_prune_settings(const PruneSettings& s) {
  const bool l1_only = s.published != kNone || !s.stage_ratios.empty() || !s.skip.empty();
  if (l1_only && s.method != "l1")
    throw UsageError("--published, --stage-ratios and --skip: expected --method l1, got slimming");
  if (s.published != kNone && (!s.stage_ratios.empty() || !s.skip.empty()))
    throw UsageError("--published: expected no --stage-ratios and --skip beside it");
  if (s.ratios.empty()) throw UsageError("--ratio: expected at least one share, got none");
  if (s.sparse_epochs > 0 && (s.finetune.empty() || s.method != "slimming"))
    throw UsageError("--sparse-epochs: expected --finetune with images and --method slimming");
}

bool has_stage_shares(const PruneSettings& s) {
  return s.published != kNone || !s.stage_ratios.empty();
}

FilterPlan filter_plan(const PruneSettings& s, double ratio) {
  if (s.published != kNone) return published_filter_plans().at(s.published);
  FilterPlan plan{.stage_ratios = s.stage_ratios.empty() ? std::vector<double>{ratio} : s.stage_ratios};
  for (const std::int64_t layer : s.skip) plan.skipped.push_back(int(layer));
  return plan;
}

RecoveryOptions recovery_options(const PruneSettings& s) {
  RecoveryOptions o;
  o.optimizer = optimizer_options(s.optimizer);
  o.schedule.kind = parse_schedule(s.schedule);
  o.schedule.base_lr = s.optimizer.lr;
  o.batches.batch_size = s.batch_size;
  o.batches.seed = s.common.seed;
  o.batches.augment = augment_options(s.augment);
  o.epochs = s.epochs;
  o.label_weight = float(s.label_weight);
  o.distill_weight = float(s.distill_weight);
  o.temperature = float(s.temperature);
  return o;
}

}  // namespace engram::apps
