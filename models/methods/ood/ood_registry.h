#pragma once
/// The methods for out-of-distribution generalisation by name. Each file of methods registers its own.

#include <memory>
#include <string>
#include <vector>

#include "models/methods/ood/ood_task.h"
#include "models/registry.h"

namespace engram {

/// What a method asks of images and device.
struct OodNeeds {
  bool environments = false;  ///< at least two of them
  bool contexts = false;      ///< a context label an image
  bool second_order = false;  ///< differentiates gradients, by the settings that ask for it: more time and memory
  dim_t images = 1;           ///< fewest images of an environment in a step
};

/// The methods.
class OodRegistry {
 public:
  /// Registers a method; as Registry::add.
  template <class Config>
  void add(const std::string& name, const std::string& help, const OodNeeds& needs, const Config& defaults,
           Settings (*settings)(Config&),
           std::function<std::unique_ptr<OodTask>(const Config&, const OodSetup&)> make) {
    registry_.add<Config>(name, help, defaults, settings, std::move(make));
    needs_.push_back(needs);
  }

  /// Makes the method that `text` names, a word or a JSON object. Throws UsageError for unknown names and settings,
  /// with the nearest known one, for a source that has not what the method needs, and what the method throws.
  std::unique_ptr<OodTask> make(const std::string& text, const OodSetup& setup) const;
  /// What the method that `text` names needs. Throws UsageError for an unknown one.
  const OodNeeds& needs(const std::string& text) const;

  /// As Registry.
  std::string canonical(const std::string& text) const { return registry_.canonical(text); }
  std::string names() const { return registry_.names(); }
  const std::vector<RegistryEntry>& entries() const { return registry_.entries(); }

 private:
  Registry<OodTask, const OodSetup&> registry_{"ood method"};
  std::vector<OodNeeds> needs_;
};

/// All of them.
const OodRegistry& ood_registry();

/// The network that a method trains where a classifier `arch` is asked for: a two-branch network of that body for as
/// many contexts for DecAug, a context network of that body whose blocks have `support` images for ARM, unless `arch`
/// is one; else `arch`. Throws UsageError for an unknown method.
std::string ood_network(const std::string& method, const std::string& arch, int num_contexts, dim_t support);

void add_erm(OodRegistry& registry);
void add_irm(OodRegistry& registry);
void add_vrex(OodRegistry& registry);
void add_group_dro(OodRegistry& registry);
void add_mixup(OodRegistry& registry);
void add_feature_matching(OodRegistry& registry);
void add_dann(OodRegistry& registry);
void add_mldg(OodRegistry& registry);
void add_rsc(OodRegistry& registry);
void add_jigen(OodRegistry& registry);
void add_cnbb(OodRegistry& registry);
void add_arm(OodRegistry& registry);
void add_sagnet(OodRegistry& registry);
void add_sagnet_maps(OodRegistry& registry);
void add_mtl(OodRegistry& registry);
void add_fishr(OodRegistry& registry);
void add_eqrm(OodRegistry& registry);
void add_miro(OodRegistry& registry);
void add_adversarial_training(OodRegistry& registry);
void add_cutout(OodRegistry& registry);
void add_cumix(OodRegistry& registry);
void add_decaug(OodRegistry& registry);

}  // namespace engram
