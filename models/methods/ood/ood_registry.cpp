#include "models/methods/ood/ood_registry.h"

namespace engram {

const OodRegistry& ood_registry() {
  static const OodRegistry registry = [] {
    OodRegistry all;
    add_erm(all);
    add_irm(all);
    add_vrex(all);
    add_group_dro(all);
    add_mixup(all);
    add_feature_matching(all);
    add_dann(all);
    add_mldg(all);
    add_rsc(all);
    add_jigen(all);
    add_cnbb(all);
    add_arm(all);
    add_sagnet(all);
    add_sagnet_maps(all);
    add_mtl(all);
    add_fishr(all);
    add_eqrm(all);
    add_miro(all);
    add_adversarial_training(all);
    add_cutout(all);
    add_cumix(all);
    add_decaug(all);
    return all;
  }();
  return registry;
}

std::string ood_network(const std::string& method, const std::string& arch, int num_contexts, dim_t support) {
  const std::string name = parse_component(ood_registry().canonical(method)).name;
  const std::string given = parse_component(arch).name;
  if ((name == "decaug" || name == "decaug-paper") && given != "two-branch")
    return to_string(Component{"two-branch", {{"body", arch}, {"contexts", std::int64_t(num_contexts)}}});
  if (name == "arm" && given != "context")
    return to_string(Component{"context", {{"body", arch}, {"support", std::int64_t(support)}}});
  return arch;
}

const OodNeeds& OodRegistry::needs(const std::string& text) const {
  registry_.canonical(text);  // throws for an unknown name
  const std::string name = parse_component(text).name;
  std::size_t i = 0;
  while (registry_.entries()[i].name != name) ++i;
  return needs_[i];
}

std::unique_ptr<OodTask> OodRegistry::make(const std::string& text, const OodSetup& setup) const {
  const OodNeeds& needed = needs(text);
  const std::string name = parse_component(text).name;
  if (needed.environments && setup.source.num_environments() < 2)
    throw UsageError(
        message("[", name, "] expected images of at least 2 environments, got ", setup.source.num_environments()));
  if (needed.contexts && setup.source.num_contexts() < 2)
    throw UsageError(message("[", name, "] expected images with context labels of at least 2 kinds, got ",
                             setup.source.num_contexts()));
  std::unique_ptr<OodTask> task = registry_.make(text, setup);
  for (const dim_t images : task->batch_sizes())
    if (images < needed.images)
      throw UsageError(message("[", name, "] expected at least ", needed.images,
                               " images of each environment in a step, got ", images));
  return task;
}

}  // namespace engram
