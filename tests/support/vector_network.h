#pragma once
/// Classifiers of vectors, for stored values of methods on given features.

#include <optional>

#include "models/methods/ood/domain_mlp.h"
#include "models/nets/network.h"

namespace engram::testing {

/// Images [N,D,1,1] are the pooled vectors, or a perceptron makes those of them; a linear layer follows. Names
/// featurizer.* and classifier.*, as in DomainBed.
class VectorNetwork : public Network {
 public:
  /// `width` and `depth` of the perceptron, whose results have `width` values too; width 0 for none.
  VectorNetwork(dim_t values, int classes, dim_t width, int depth, Device device)
      : Network({"vector", classes, {int(values), 1, 1}}, {}, device),
        classifier_(width > 0 ? width : values, classes, device) {
    if (width > 0) {
      featurizer_.emplace(values, width, width, depth, device);
      register_child("featurizer", *featurizer_);
    }
    register_child("classifier", classifier_);
  }

 protected:
  Tensor stage(Executor&, int, const Tensor& x, PreActivation*) override { return x; }
  Tensor pool(const Tensor& x) override {
    const Tensor vectors = flatten(x.contiguous());
    return featurizer_ ? featurizer_->forward(vectors) : vectors;
  }
  Tensor classify(const Tensor& pooled, bool) override { return classifier_.forward(pooled); }

 private:
  std::optional<DomainMlp> featurizer_;
  Linear classifier_;
};

}  // namespace engram::testing
