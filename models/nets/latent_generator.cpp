#include "models/nets/latent_generator.h"

#include <algorithm>

namespace engram {
namespace {

Init weight_init(const GeneratorConfig& config, dim_t fan_in) {
  return config.bound > 0 ? Init::uniform(-config.bound, config.bound) : Init::torch_default(fan_in);
}

Init bias_init(const GeneratorConfig& config, dim_t fan_in) {
  return config.bound > 0 ? Init::constant(0) : Init::torch_default(fan_in);
}

dim_t growth(const GeneratorConfig& config) {
  return dim_t{1} << config.stages.size();
}

const ImageShape& checked(const GeneratorConfig& config, const ImageShape& image) {
  if (config.latent < 1) throw UsageError(message("[generator] expected at least 1 latent value, got ", config.latent));
  if (image.height % growth(config) != 0 || image.width % growth(config) != 0)
    throw UsageError(message("[generator] expected images whose rows and columns are multiples of ", growth(config),
                             ", got ", to_string(image)));
  return image;
}

}  // namespace

LatentGenerator::LatentGenerator(const GeneratorConfig& config, const ImageShape& image, Device device)
    : config_(config), image_(checked(config, image)) {
  const dim_t pixels = (image.height / growth(config)) * (image.width / growth(config));
  linear_ = std::make_unique<Linear>(config.latent, config.first_channels * pixels, weight_init(config, config.latent),
                                     bias_init(config, config.latent), device);
  register_child(config.linear, *linear_);
  if (!config.first_bn.empty()) first_bn_ = make_bn(config.first_bn, config.first_channels, 1e-5f, device);
  dim_t in = config.first_channels;
  for (const GeneratorConfig::Stage& stage : config.stages) {
    convs_.push_back(make_conv(stage.conv, in, stage.channels, config.conv_bias, device));
    bns_.push_back(make_bn(stage.bn, stage.channels, config.stage_eps, device));
    in = stage.channels;
  }
  last_conv_ = make_conv(config.last_conv, in, image.channels, true, device);
  if (config.output == GeneratorOutput::kUnit) return;
  last_bn_ = std::make_unique<BatchNorm2d>(
      BatchNorm2dConfig{.channels = image.channels, .affine = config.output == GeneratorOutput::kNormalized}, device);
  register_child(config.last_bn, *last_bn_);
}

LatentGenerator::Conv LatentGenerator::make_conv(const std::string& name, dim_t in, dim_t out, bool bias,
                                                 Device device) {
  const Conv2dConfig conv{.in_channels = in, .out_channels = out, .bias = bias};
  const dim_t fan_in = Conv2d::fan_in(conv);
  Conv made;
  if (config_.spectral) {
    made.spectral =
        std::make_unique<SpectralConv2d>(conv, weight_init(config_, fan_in), bias_init(config_, fan_in), device);
    register_child(name, *made.spectral);
  } else {
    made.plain = std::make_unique<Conv2d>(conv, weight_init(config_, fan_in), bias_init(config_, fan_in), device);
    register_child(name, *made.plain);
  }
  return made;
}

std::unique_ptr<BatchNorm2d> LatentGenerator::make_bn(const std::string& name, dim_t channels, float eps,
                                                      Device device) {
  auto bn = std::make_unique<BatchNorm2d>(BatchNorm2dConfig{.channels = channels, .eps = eps}, device);
  register_child(name, *bn);
  return bn;
}

Tensor LatentGenerator::rows_of(const Tensor& z, dim_t values) {
  if (z.rank() < 2 || z.numel() != z.dim(0) * values)
    throw ShapeError(message("[generator] expected latents [N,", values, "], got ", z.describe()));
  return z.rank() == 2 ? z : flatten(z);
}

Tensor LatentGenerator::forward(const Tensor& z) {
  const Tensor rows = rows_of(z, config_.latent);
  const dim_t grown = growth(config_);
  Tensor h = reshape(linear_->forward(rows),
                     {rows.dim(0), config_.first_channels, image_.height / grown, image_.width / grown})
                 .blocked();
  if (first_bn_) h = first_bn_->forward(h);
  const Activation activation = config_.slope > 0 ? Activation::kLeakyRelu : Activation::kRelu;
  for (std::size_t i = 0; i < convs_.size(); ++i)
    h = bns_[i]->forward(convs_[i].forward(upsample_nearest(h, 2)), activation, {}, config_.slope);
  h = last_conv_.forward(h);
  if (config_.output == GeneratorOutput::kUnit) return sigmoid(h);
  return last_bn_->forward(config_.output == GeneratorOutput::kTanhNormalized ? tanh(h) : h);
}

LabelGenerator::LabelGenerator(const GeneratorConfig& config, const Options& options, const ImageShape& image,
                               Device device)
    : LatentGenerator(config, image, device), options_(options), norm_(options.embedding, device) {
  if (options.embedding < 1 || options.rows_per_layer < 1 || options.layers < 1)
    throw UsageError(message("[generator] expected at least 1 value, row and noisy layer, got ", options.embedding,
                             ", ", options.rows_per_layer, " and ", options.layers));
  register_child("n1", norm_);
  for (dim_t i = 0; i < options.layers; ++i) {
    noisy_.push_back(std::make_unique<Linear>(options.embedding, config.latent, device));
    register_child(message("le1.", i), *noisy_.back());
  }
}

Tensor LabelGenerator::forward(const Tensor& rows) {
  const Tensor given = rows_of(rows, options_.embedding);
  const dim_t count = given.dim(0);
  if (count > options_.layers * options_.rows_per_layer)
    throw ShapeError(message("[generator] expected at most ", options_.layers * options_.rows_per_layer, " rows, got ",
                             given.describe()));
  const Tensor normal = reshape(norm_.forward(reshape(given, {count, options_.embedding, 1, 1})).contiguous(),
                                {count, options_.embedding});
  std::vector<Tensor> parts;
  for (dim_t first = 0; first < count; first += options_.rows_per_layer) {
    const dim_t end = std::min(count, first + options_.rows_per_layer);
    parts.push_back(noisy_[parts.size()]->forward(slice(normal, 0, first, end).contiguous()));
  }
  return LatentGenerator::forward(parts.size() == 1 ? parts[0] : concat(parts, 0));
}

}  // namespace engram
