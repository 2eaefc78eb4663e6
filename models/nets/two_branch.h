#pragma once
/// A network of two branches, one for the category and one for the context of an image, and a classifier on both
/// (Bai et al. 2021, DecAug).

#include <memory>
#include <string>

#include "models/nets/network.h"

namespace engram {

/// What stands between a branch's linear layer and its features.
enum class BranchActivation { kNone, kTanh, kRelu };

struct TwoBranchConfig {
  std::string body = "resnet18";  ///< the network below, as make_network takes it
  dim_t contexts = 2;
  dim_t width = 0;      ///< values of a branch's features; 0: as many as the body's pooled vector has
  bool linear = false;  ///< z is a linear layer on that vector, of `width` values, as in the authors' ImageNet network
  BranchActivation activation = BranchActivation::kNone;
};

/// From the body's vector z: category features a1 = act(U1 z + b1) and logits V1 a1 + c1, context features a2 and
/// logits likewise, and the classifier W [a1, a2] + d, whose logits are the network's. All linear layers start as
/// torch.nn.Linear. Names are those of the authors' code: encoder.* (the body), category_branch, fc0, concept_branch,
/// fcc0, classification. With `linear` the body's head gives z (encoder.fc); without, z is its pooled vector and its
/// head is the category branch, which then has no name of its own. No taps.
class TwoBranchNetwork : public Network {
 public:
  /// Throws UsageError for a body that does not exist, for fewer than two contexts and, without `linear`, for a body
  /// whose head is more than one linear layer.
  TwoBranchNetwork(NetworkSpec spec, const TwoBranchConfig& config, Device device);

  /// What the branches make of z [N,D].
  struct Branch {
    Tensor features;  ///< [N,width]
    Tensor logits;    ///< [N,classes] or [N,contexts]
  };
  struct Branches {
    Tensor z;
    Branch category, context;
  };
  /// From the pooled vector of forward(x, {.pooled = true}).
  Branches branches(const Tensor& pooled, bool training);
  /// The classifier's logits [N,classes] from both branches' features side by side [N, 2 width].
  Tensor fused(const Tensor& features) const { return classification_.forward(features); }

  /// The two linear layers of a branch: to its features, and to its logits.
  struct Layers {
    const Linear& branch;
    const Linear& head;
  };
  Layers category() const { return {*category_branch_, category_head_}; }
  Layers context() const { return {context_branch_, context_head_}; }
  BranchActivation activation() const { return config_.activation; }
  dim_t num_contexts() const { return config_.contexts; }
  Network& body() { return *body_; }

 protected:
  Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) override;
  Tensor neck(Executor& executor, const Tensor& x) override;
  Tensor pool(const Tensor& x) override { return x; }
  Tensor classify(const Tensor& pooled, bool training) override;

 private:
  Branch run_branch(const Layers& layers, const Tensor& before, const Tensor& z) const;

  TwoBranchConfig config_;
  std::unique_ptr<Network> body_;
  std::unique_ptr<Linear> own_category_branch_;  // null where it is the body's head
  const Linear* category_branch_;
  Linear category_head_, context_branch_, context_head_, classification_;
};

}  // namespace engram
