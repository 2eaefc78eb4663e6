#pragma once
/// What the image classifiers have in common.

#include <string>
#include <vector>

#include "engine/random.h"
#include "models/nets/executor.h"
#include "models/nets/features.h"
#include "models/nets/spec.h"

namespace engram {

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

/// A classifier of images [N,C,H,W] of one shape: stages, each of which ends in a tapped map; what follows the last
/// tap; pooling to one vector an image; and the layers from there to the logits.
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
  /// Extents of the tapped maps, from the finest to the coarsest. Which maps they are says each network's own comment.
  const std::vector<TapSpec>& taps() const { return taps_; }
  /// Where dropout, if there is any, draws its masks. It starts from the seed of
  /// make_network; its seed and offset are part of a training run's state.
  Generator& dropout_generator() { return dropout_generator_; }

  /// x [N,C,H,W] -> logits [N,num_classes]; statistics and dropout by the mode (train, eval). Throws ShapeError.
  Tensor forward(const Tensor& x);
  /// The same with features.
  Features forward(const Tensor& x, const FeatureRequest& request);

  /// The same in evaluation mode (whatever the mode), its convolutions and normalisations run by `executor`. Throws
  /// UsageError for a request of the inputs of batch normalisations, which an executor may not have.
  Features forward_through(Executor& executor, const Tensor& x, const FeatureRequest& request);

  /// As forward in evaluation mode (whatever the mode), with the mismatch of every batch normalisation, in one fused
  /// pass a layer. Gradients flow to x and to parameters that require them.
  BnMatching forward_with_bn_matching(const Tensor& x);

  /// In evaluation mode (whatever the mode), without gradients, with normalisations folded into the convolutions.
  /// Throws UsageError for a request of the inputs of batch normalisations, which do not exist then.
  Features inference(const Tensor& x, const FeatureRequest& request);
  /// The logits alone.
  Tensor logits_inference(const Tensor& x) { return inference(x, {}).logits; }
  /// The taps alone; nothing after the last one is run.
  std::vector<Tensor> features_inference(const Tensor& x) { return inference(x, {.logits = false, .taps = true}).taps; }

  /// The name of the first layer whose output, in logits_inference of x, holds a number that is not finite; of the last
  /// linear layer when all before the head are finite. For messages.
  std::string first_layer_not_finite(const Tensor& x);

  /// The stages from `first` to `last` - 1: from the images (first = 0), or from the map at the end of stage `first` -
  /// 1, to that at the end of stage `last` - 1. What several branches share.
  Tensor forward_stages(const Tensor& x, int first, int last);
  /// The rest, from the result of forward_stages(..., stages).
  Features forward_from(const Tensor& trunk, int stages, const FeatureRequest& request);

  /// The layers after the pooled vector: from [N,D], changed or not, to the logits. `training` says whether dropout
  /// acts.
  Tensor logits_from_pooled(const Tensor& pooled, bool training) { return classify(pooled, training); }

 protected:
  /// One stage a tap.
  Network(NetworkSpec spec, std::vector<TapSpec> taps, Device device);

  /// Stage `s`: from the images (s = 0) or the result of the stage before to the map that is tapped. With `before`,
  /// also leaves the map before its last activation there.
  virtual Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) = 0;
  /// From the result of the last stage to its tap: the normalisation and activation that close a pre-activation
  /// network, which then fills `before` here. Other networks have none.
  virtual Tensor close(Executor& executor, const Tensor& x, PreActivation* before);
  /// From the last tap to what is pooled.
  virtual Tensor neck(Executor& executor, const Tensor& x);
  /// To one vector an image: the mean over the pixels.
  virtual Tensor pool(const Tensor& x);
  /// From that vector to the logits; `training` says whether dropout acts.
  virtual Tensor classify(const Tensor& pooled, bool training) = 0;

  /// Runs the stages from `first` on, and what follows, with what was asked for but the inputs of batch normalisations.
  Features run(Executor& executor, int first, Tensor x, const FeatureRequest& request, bool training);
  /// The pooled vector of a network that this one is built around.
  static Tensor pooled_of(Network& body, Executor& executor, const Tensor& x);

 private:
  void check_input(const char* op, const Tensor& x) const;
  void check_stages(const char* op, int stages) const;
  void check_map(const char* op, const Tensor& map, int stages) const;
  Features run_recorded(int first, const Tensor& x, const FeatureRequest& request);

  NetworkSpec spec_;
  std::vector<TapSpec> taps_;
  Device device_;
  FoldedWeights folded_;
  Generator dropout_generator_{1};
};

}  // namespace engram
