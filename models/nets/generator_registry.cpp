#include "models/nets/generator_registry.h"

namespace engram {
namespace {

/// Generators of DAFL's kind: two upsamplings, convolutions with bias, three groups of layers.
GeneratorConfig grouped(dim_t latent, const std::string& last_group) {
  return {.latent = latent,
          .first_bn = "conv_blocks0.0",
          .stages = {{128, "conv_blocks1.0", "conv_blocks1.1"}, {64, "conv_blocks2.0", "conv_blocks2.1"}},
          .last_conv = last_group == "conv_blocks2" ? "conv_blocks2.3" : "conv_blocks3.0",
          .last_bn = last_group == "conv_blocks2" ? "conv_blocks2.5" : "conv_blocks3.2",
          .output = GeneratorOutput::kTanhNormalized};
}

GeneratorConfig dafl() {
  GeneratorConfig config = grouped(1000, "conv_blocks2");
  config.stage_eps = 0.8f;
  return config;
}

GeneratorConfig dfad() {
  return grouped(256, "conv_blocks2");
}

GeneratorConfig pre(bool spectral) {
  GeneratorConfig config = grouped(1000, "conv_blocks3");
  config.stage_eps = 0.8f;
  config.spectral = spectral;
  config.bound = 0.08f;
  return config;
}

GeneratorConfig zskt() {
  return {.latent = 100,
          .linear = "layers.0",
          .first_bn = "layers.2",
          .stages = {{128, "layers.4", "layers.5"}, {64, "layers.8", "layers.9"}},
          .last_conv = "layers.11",
          .last_bn = "layers.12",
          .output = GeneratorOutput::kNormalized};
}

/// The generators of the CMI repository: convolutions without bias, sigmoid.
GeneratorConfig cmi(dim_t first_channels) {
  return {.first_channels = first_channels,
          .first_bn = "conv_blocks.0",
          .stages = {{128, "conv_blocks.2", "conv_blocks.3"}, {64, "conv_blocks.6", "conv_blocks.7"}},
          .last_conv = "conv_blocks.9",
          .output = GeneratorOutput::kUnit,
          .conv_bias = false};
}

GeneratorConfig third_party_dfq() {
  return {.latent = 1000,
          .first_channels = 512,
          .stages = {{256, "conv_blocks0.0", "conv_blocks0.1"},
                     {128, "conv_blocks1.0", "conv_blocks1.1"},
                     {64, "conv_blocks2.0", "conv_blocks2.1"}},
          .last_conv = "conv_blocks2.3",
          .last_bn = "conv_blocks2.5",
          .output = GeneratorOutput::kTanhNormalized,
          .slope = 0};
}

Settings latent_settings(GeneratorConfig& config) {
  return {{"latent", &config.latent, "values of noise an image"}};
}

struct NayerSettings {
  GeneratorConfig config = cmi(128);
  LabelGenerator::Options labels;
};
Settings nayer_settings(NayerSettings& s) {
  return {{"latent", &s.config.latent, "values of the noisy layers' results"},
          {"embedding", &s.labels.embedding, "values of a row of the label embedding"},
          {"rows_per_layer", &s.labels.rows_per_layer, "consecutive rows that share a noisy layer"},
          {"layers", &s.labels.layers, "noisy layers"}};
}

GeneratorRegistry make_registry() {
  GeneratorRegistry all("generator");
  const auto add = [&](const std::string& name, const std::string& help, const GeneratorConfig& defaults) {
    all.add<GeneratorConfig>(name, help, defaults, latent_settings,
                             [](const GeneratorConfig& config, const ImageShape& image, const Device& device) {
                               return std::make_unique<LatentGenerator>(config, image, device);
                             });
  };
  add("dafl", "DAFL's: eps 0.8, tanh, normalised", dafl());
  add("zskt", "ZSKT's: normalised with weights", zskt());
  add("dfad", "DFAD's: DAFL's layers with the usual eps", dfad());
  add("cmi", "CMI's and FAST's: sigmoid", cmi(128));
  add("large", "CMI's benchmark's: 256 channels first, sigmoid", cmi(256));
  add("pre-novel", "PRE-DFKD's: DAFL's layers with spectral normalisation", pre(true));
  add("pre-memory", "PRE-DFKD's memory: the same without it", pre(false));
  add("dfq", "of a reproduction of DFQ by others: three upsamplings from 512 channels, ReLU", third_party_dfq());
  all.add<NayerSettings>("nayer", "NAYER's: label embedding and noisy layers before CMI's", {}, nayer_settings,
                         [](const NayerSettings& s, const ImageShape& image, const Device& device) {
                           return std::make_unique<LabelGenerator>(s.config, s.labels, image, device);
                         });
  return all;
}

}  // namespace

const GeneratorRegistry& generator_registry() {
  static const GeneratorRegistry registry = make_registry();
  return registry;
}

std::unique_ptr<LatentGenerator> make_generator(const std::string& name, const ImageShape& image, std::uint64_t seed,
                                                const Device& device) {
  std::unique_ptr<LatentGenerator> generator = generator_registry().make(name, image, device);
  generator->initialize(seed);
  return generator;
}

std::unique_ptr<LatentGenerator> make_generator(const std::string& name, dim_t latent, const ImageShape& image,
                                                std::uint64_t seed, const Device& device) {
  return make_generator(message(R"({"name": ")", name, R"(", "latent": )", latent, "}"), image, seed, device);
}

}  // namespace engram
