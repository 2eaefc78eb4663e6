#pragma once
/// The ways to run a network's layers. A network states its structure once, in calls of an Executor; what a convolution
/// and a batch normalisation do (training, matching statistics, folded weights) is the executor's choice.

#include <unordered_map>
#include <vector>

#include "models/layers.h"

namespace engram {

/// Runs the units that the networks are made of.
class Executor {
 public:
  virtual ~Executor() = default;
  /// act(bn(conv(x)) + residual); nothing else sees the convolution's result.
  virtual Tensor conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                         const Tensor& residual = {}) = 0;
  /// act(bn(x)) of an x that others use too.
  virtual Tensor bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) = 0;
  /// conv(x) + residual, without normalisation.
  virtual Tensor conv(const Conv2d& conv, const Tensor& x, const Tensor& residual = {}) = 0;
};

/// The layers as they are: batch statistics in training mode, running ones else.
class PlainExecutor : public Executor {
 public:
  Tensor conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                 const Tensor& residual) override;
  Tensor bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) override;
  Tensor conv(const Conv2d& conv, const Tensor& x, const Tensor& residual) override;
};

/// The layers as they are, and the input of every batch normalisation kept.
class RecordingExecutor : public PlainExecutor {
 public:
  struct Input {
    const BatchNorm2d* layer;
    Tensor x;
  };
  Tensor conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                 const Tensor& residual) override;
  Tensor bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) override;
  /// In the order of execution.
  const std::vector<Input>& inputs() const { return inputs_; }

 private:
  std::vector<Input> inputs_;
};

/// How far the batch's statistics at the input of a batch normalisation are from the running ones (natural inversion,
/// R_bn): scalars ||running_var - batch_var||_2 with the biased variance, and ||running_mean - batch_mean||_2.
struct BnMismatch {
  const BatchNorm2d* layer = nullptr;
  Tensor var_norm;
  Tensor mean_norm;
};

/// Running statistics throughout, and a BnMismatch for every batch normalisation met.
class MatchingExecutor : public PlainExecutor {
 public:
  /// For at most so many normalisations on a device.
  MatchingExecutor(dim_t most_layers, const Device& device) : group_(most_layers, device) {}
  Tensor conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                 const Tensor& residual) override;
  Tensor bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) override;
  /// Completes the mismatches and returns their sums. Called once, after the pass.
  BnStatsMatchGroup::Sums finish() { return group_.finish(); }
  /// In the order of execution; complete after finish().
  const std::vector<BnMismatch>& mismatches() const { return mismatches_; }

 private:
  Tensor match(const BatchNorm2d& bn, const Tensor& x, Activation activation, const Tensor& residual);

  BnStatsMatchGroup group_;
  std::vector<BnMismatch> mismatches_;
};

/// Convolution weights with the following normalisation (running statistics) multiplied in, made once and made anew
/// when a parameter or statistic has changed in place.
class FoldedWeights {
 public:
  struct Folded {
    Tensor weight;
    Tensor bias;
  };
  /// Valid until the next call.
  const Folded& get(const Conv2d& conv, const BatchNorm2d& bn);
  /// Frees the folded weights.
  void clear() { entries_.clear(); }

 private:
  struct Entry {
    std::vector<std::uint64_t> versions;
    Folded folded;
  };
  std::unordered_map<const Conv2d*, Entry> entries_;
};

/// Without gradients: running statistics folded into the convolutions, residual sum and ReLU in their epilogue.
class FoldedExecutor : public Executor {
 public:
  explicit FoldedExecutor(FoldedWeights& weights) : weights_(weights) {}
  Tensor conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                 const Tensor& residual) override;
  Tensor bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) override;
  Tensor conv(const Conv2d& conv, const Tensor& x, const Tensor& residual) override;

 private:
  FoldedWeights& weights_;
};

/// As FoldedExecutor, and finds the first layer whose output holds a number that is not finite. Waits for the device at
/// every layer: for messages.
class FiniteExecutor : public FoldedExecutor {
 public:
  using FoldedExecutor::FoldedExecutor;
  Tensor conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                 const Tensor& residual) override;
  Tensor bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) override;
  Tensor conv(const Conv2d& conv, const Tensor& x, const Tensor& residual) override;
  /// Null while all outputs were finite.
  const Module* first_not_finite() const { return first_; }

 private:
  /// y, noted as the output of `layer`.
  Tensor noted(const Module& layer, Tensor y);

  const Module* first_ = nullptr;
};

}  // namespace engram
