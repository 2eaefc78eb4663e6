#pragma once
/// The generators of the data-free methods (docs/methods/data_free.md, "Generators").

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/data/image_shape.h"
#include "models/nets/spectral_conv.h"

namespace engram {

/// Where a generator's images lie.
enum class GeneratorOutput {
  kTanhNormalized,  ///< tanh, then batch normalisation without weights: network input
  kNormalized,      ///< batch normalisation with weights: network input
  kUnit             ///< sigmoid: [0,1], to be normalised for a classifier
};

/// What the generators differ in. All are: linear layer to the first map; a batch normalisation, unless `first_bn` is
/// empty; for each entry of `stages` nearest upsampling by 2, convolution 3x3, batch normalisation and activation; a
/// convolution 3x3 to the image; the output.
struct GeneratorConfig {
  dim_t latent = 256;
  dim_t first_channels = 128;
  std::string linear = "l1.0";  ///< names of the layers, those of the released programs
  std::string first_bn = {};
  struct Stage {
    dim_t channels;
    std::string conv, bn;
  };
  std::vector<Stage> stages = {};
  std::string last_conv = {};
  std::string last_bn = {};  ///< for outputs that are normalised
  GeneratorOutput output = GeneratorOutput::kUnit;
  bool conv_bias = true;  ///< of the stages; the last convolution always has one
  float stage_eps = 1e-5f;
  float slope = 0.2f;     ///< of the activation below 0; 0 is a ReLU
  bool spectral = false;  ///< spectral normalisation of all convolutions
  /// Weights of convolutions and of the linear layer are first uniform in +-bound, their biases 0; 0: as PyTorch makes
  /// them.
  float bound = 0;
};

/// Images from latent vectors, by batch statistics in training mode and by the running ones else.
class LatentGenerator : public Module {
 public:
  /// Throws UsageError for a latent size below 1, and unless rows and columns of the image are multiples of 2 to the
  /// number of stages.
  LatentGenerator(const GeneratorConfig& config, const ImageShape& image, Device device);

  /// z, whose first extent is B and whose others make up latent(), -> images [B,C,H,W]. Throws ShapeError.
  virtual Tensor forward(const Tensor& z);
  virtual dim_t latent() const { return config_.latent; }
  /// Whether images lie in [0,1] and are to be normalised before a classifier sees them.
  bool in_unit_range() const { return config_.output == GeneratorOutput::kUnit; }
  const ImageShape& image() const { return image_; }

 protected:
  /// z as [B, values]. Throws ShapeError unless each row has that many.
  static Tensor rows_of(const Tensor& z, dim_t values);

 private:
  struct Conv {
    std::unique_ptr<Conv2d> plain;
    std::unique_ptr<SpectralConv2d> spectral;
    Tensor forward(const Tensor& x) const { return plain ? plain->forward(x) : spectral->forward(x); }
  };
  Conv make_conv(const std::string& name, dim_t in, dim_t out, bool bias, Device device);
  std::unique_ptr<BatchNorm2d> make_bn(const std::string& name, dim_t channels, float eps, Device device);

  GeneratorConfig config_;
  ImageShape image_;
  std::unique_ptr<Linear> linear_;
  std::unique_ptr<BatchNorm2d> first_bn_;
  std::vector<Conv> convs_;
  std::vector<std::unique_ptr<BatchNorm2d>> bns_;
  Conv last_conv_;
  std::unique_ptr<BatchNorm2d> last_bn_;
};

/// NAYER's: rows of a label embedding instead of noise. Batch normalisation of the rows, then one of several "noisy"
/// linear layers, then a LatentGenerator. Consecutive runs of rows pass layer 0, 1, ... Names n1, le1.0, le1.1, ...
class LabelGenerator : public LatentGenerator {
 public:
  struct Options {
    dim_t embedding = 512;      ///< values of a row
    dim_t rows_per_layer = 10;  ///< consecutive rows that share a noisy layer: the classes
    dim_t layers = 1;           ///< noisy layers
  };
  /// `config.latent` is the width of the noisy layers' results. Throws UsageError for options below 1.
  LabelGenerator(const GeneratorConfig& config, const Options& options, const ImageShape& image, Device device);

  /// Rows [B,embedding], at most layers * rows_per_layer of them, -> images.
  Tensor forward(const Tensor& rows) override;
  dim_t latent() const override { return options_.embedding; }
  /// The noisy layers, to be drawn anew.
  const std::vector<std::unique_ptr<Linear>>& noisy_layers() const { return noisy_; }

 private:
  Options options_;
  BatchNorm2d norm_;
  std::vector<std::unique_ptr<Linear>> noisy_;
};

}  // namespace engram
