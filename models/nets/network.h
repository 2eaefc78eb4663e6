#pragma once
/// What the image classifiers have in common.

#include <string>
#include <vector>

#include "engine/random.h"
#include "models/nets/executor.h"
#include "models/nets/spec.h"

namespace engram {

/// Result of Network::forward_features. The taps run from the finest map to the coarsest.
struct Features {
  Tensor logits;
  std::vector<Tensor> taps;
};

/// A batch normalisation layer's mismatch under its name, for example "layer1.0.bn1".
struct NamedBnMismatch {
  std::string name;
  Tensor var_norm;
  Tensor mean_norm;
};

/// Result of Network::forward_with_bn_matching.
struct BnMatching {
  Tensor logits;
  std::vector<NamedBnMismatch> layers;  ///< in the order in which the reference network runs them
  Tensor var_norm_sum, mean_norm_sum;   ///< over the layers
};

/// A classifier of images [N,C,H,W] of one shape.
class Network : public Module {
 public:
  /// The name that make_network takes, for example "resnet18-w32".
  const std::string& arch() const { return spec_.arch; }
  int num_classes() const { return spec_.num_classes; }
  /// The images that it takes.
  const ImageShape& image() const { return spec_.image; }
  const NetworkSpec& spec() const { return spec_; }
  Device device() const { return device_; }
  void to(const Device& device) override;
  const std::vector<TapSpec>& taps() const { return taps_; }
  /// Where dropout, if there is any, draws its masks. It starts from the seed of
  /// make_network; its seed and offset are part of a training run's state.
  Generator& dropout_generator() { return dropout_generator_; }

  /// x [N,C,H,W] -> logits [N,num_classes]; statistics and dropout by the mode (train, eval). Throws ShapeError.
  Tensor forward(const Tensor& x);
  /// As forward, with the tapped maps (natural inversion, section 1.6): ResNet the stages' outputs after their ReLU;
  /// VGG the last map before each of the first four poolings; WRN the first two groups' sums as they are and the
  /// third's after the closing BN and ReLU.
  Features forward_features(const Tensor& x);

  /// As forward in evaluation mode (whatever the mode), with the mismatch of every batch normalisation, in one fused
  /// pass a layer. Gradients flow to x and to parameters that require them.
  BnMatching forward_with_bn_matching(const Tensor& x);

  /// Logits in evaluation mode (whatever the mode), without gradients, with normalisations folded into the
  /// convolutions.
  Tensor logits_inference(const Tensor& x);
  /// The name of the first layer whose output, in logits_inference of x, holds a number that is not finite; of the last
  /// linear layer when all before the head are finite. For messages.
  std::string first_layer_not_finite(const Tensor& x);
  /// The taps of forward_features in evaluation mode, without gradients, likewise; nothing after the last tap is run.
  std::vector<Tensor> features_inference(const Tensor& x);

 protected:
  Network(NetworkSpec spec, std::vector<TapSpec> taps, Device device);

  /// Runs everything before the classifier's head; adds the taps to `taps` when given. With `taps_only` it may stop
  /// after the last tap, and the result is not used.
  virtual Tensor body(Executor& executor, const Tensor& x, std::vector<Tensor>* taps, bool taps_only) = 0;
  /// From the body's result to the logits; `training` says whether dropout acts.
  virtual Tensor head(const Tensor& features, bool training) = 0;

 private:
  void check_input(const char* op, const Tensor& x) const;

  NetworkSpec spec_;
  std::vector<TapSpec> taps_;
  Device device_;
  FoldedWeights folded_;
  Generator dropout_generator_{1};
};

}  // namespace engram
