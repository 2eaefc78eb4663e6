/// Times steps of DecAug as the authors' code has it (ResNet-18 with a 3x3 stem, 64 pixels, 7 classes, 3 contexts) and,
/// in turns with them, what it has beside two more heads: the orthogonal term and the augmentation, with their
/// gradients. See bench/peers/README.md.

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/step/random_images.h"
#include "bench/step/timing.h"
#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/random.h"
#include "kernels/common/parallel.h"
#include "models/data/environment_stager.h"
#include "models/methods/ood/decaug_loss.h"
#include "models/methods/ood/ood_registry.h"
#include "models/nets/make_network.h"
#include "models/training/step_runner.h"

namespace engram::bench {
namespace {

constexpr int kClasses = 7, kContexts = 3;

struct DecAugOptions : StepOptions {
  dim_t batch = 64;
};

/// One-hot rows.
Tensor some_targets(dim_t rows, int classes) {
  std::vector<std::int32_t> labels;
  for (dim_t i = 0; i < rows; ++i) labels.push_back(std::int32_t(i * 5 % classes));
  return one_hot(Tensor::from(labels, {rows}), classes);
}

BranchSide side_of(const TwoBranchNetwork::Layers& layers, const TwoBranchNetwork::Branch& branch) {
  const Tensor logits = branch.logits.detach(), targets = some_targets(logits.dim(0), int(logits.dim(1)));
  return {layers, branch.features.detach(), {logits, targets, head_residual(logits, targets).residual}};
}

/// Angles and moved features of a network's heads on features that stay, and their gradients.
void run_terms(const BranchSide& category, const BranchSide& context) {
  Tensor a1 = category.features.detach(), a2 = context.features.detach();
  a1.set_requires_grad();
  a2.set_requires_grad();
  const GradientAngles angles = branch_angles(category, context, BranchActivation::kNone, {});
  const Tensor moved =
      shifted_concat(a1, a2, context.rows.residual, context.layers.head.weight, Tensor::ones({1}), 1, 1e-8f);
  grad({orthogonal_term(angles, true), moved},
       {a1, a2, category.layers.branch.weight, category.layers.head.weight, context.layers.branch.weight,
        context.layers.head.weight},
       {.grad_outputs = {Tensor::ones({}), moved.detach()}});
}

void time_decaug(const DecAugOptions& options) {
  Environments environments = {{"all", random_images(options.batch * 2, {3, 64, 64}, kClasses)}};
  ImageDataset& images = environments[0].images;
  images.context_names.assign(kContexts, "context");
  for (dim_t i = 0; i < images.count; ++i) images.contexts.push_back(std::int32_t(i % kContexts));
  const std::unique_ptr<Network> network =
      make_network(R"({"name": "two-branch", "contexts": 3})", kClasses, {.seed = 1, .image = {3, 64, 64}});
  EnvironmentStager source(environments, {.batch_size = options.batch}, {});
  OodOptions of_task;
  of_task.optimizer = {.momentum = 0.9f, .nesterov = true, .weight_decay = 5e-4f};
  of_task.schedule.base_lr = 0.01;
  of_task.total_steps = options.warmup + options.steps;
  const std::unique_ptr<OodTask> task = ood_registry().make("decaug", {*network, source, of_task});
  StepRunner runner(*task);
  auto& branches = dynamic_cast<TwoBranchNetwork&>(*network);
  Generator noise(1);
  const TwoBranchNetwork::Branches out = branches.branches(normal({options.batch, 512}, noise), true);
  const BranchSide category = side_of(branches.category(), out.category),
                   context = side_of(branches.context(), out.context);
  dim_t step = 0;
  const auto [steps, alone] = measure_in_turns(
      options, [&] { runner.run(step++); }, [&] { run_terms(category, context); });
  const nlohmann::json line = {{"seconds_per_step", steps.wall},
                               {"cpu_seconds_per_step", steps.cpu},
                               {"seconds_of_terms", alone.wall},
                               {"cpu_seconds_of_terms", alone.cpu},
                               {"peak_rss_bytes", steps.peak_rss_bytes}};
  std::cout << line.dump() << "\n";
}

}  // namespace
}  // namespace engram::bench

int main(int argc, char** argv) {
  engram::bench::DecAugOptions options;
  CLI::App app("Times steps of DecAug on random images.");
  app.add_option("--batch", options.batch, "images a step")->check(CLI::Range(2, 4096))->capture_default_str();
  engram::bench::add_timing_options(app, options);
  CLI11_PARSE(app, argc, argv);
  engram::kernels::set_num_threads(options.threads);
  engram::bench::time_decaug(options);
}
