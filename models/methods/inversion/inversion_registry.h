#pragma once
/// The inversions that are named with their settings: those beside NaturalInversion and DeepInversion.

#include "models/methods/inversion/inversion.h"
#include "models/registry.h"

namespace engram {

struct InversionSetup;

using InversionRegistry = Registry<Inversion, const InversionSetup&>;

/// adi, deepinv-cmi, cmi, fast, nayer.
const InversionRegistry& inversion_registry();

/// All methods, with what help says of them: NaturalInversion and DeepInversion, whose settings are InversionOptions,
/// and those of the registry.
const std::vector<RegistryEntry>& inversion_entries();

void add_adaptive_inversion(InversionRegistry& registry);
void add_contrastive_inversion(InversionRegistry& registry);
void add_meta_inversion(InversionRegistry& registry);
void add_label_inversion(InversionRegistry& registry);

}  // namespace engram
