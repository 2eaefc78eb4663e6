#pragma once
/// The generators of the data-free methods by name.

#include "models/nets/latent_generator.h"
#include "models/registry.h"

namespace engram {

/// Made for images of a shape, on a device; uninitialised.
using GeneratorRegistry = Registry<LatentGenerator, const ImageShape&, const Device&>;

/// All of them: dafl, zskt, dfad, cmi (FAST's too), large, pre-novel, pre-memory, nayer, dfq.
const GeneratorRegistry& generator_registry();

/// A generator in training mode whose parameters follow from `seed`. Throws UsageError that names the nearest for an
/// unknown name or setting, and for images that the generator cannot make.
std::unique_ptr<LatentGenerator> make_generator(const std::string& name, const ImageShape& image, std::uint64_t seed,
                                                const Device& device);
/// The same with `latent` values of noise an image instead of the registered number.
std::unique_ptr<LatentGenerator> make_generator(const std::string& name, dim_t latent, const ImageShape& image,
                                                std::uint64_t seed, const Device& device);

}  // namespace engram
