#pragma once
/// Centred kernel alignment: how alike two representations of the same examples are, whatever rotates or scales them
/// (Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited"). docs/methods/analysis.md.

#include <vector>

#include "engine/tensor.h"

namespace engram {

/// x x^T of examples [n,...] whose features are centred over the examples first. [n,n], differentiable.
Tensor gram_matrix(const Tensor& x);

/// exp(-d^2 / (2 threshold^2 m)) of the squared distances d^2 of all examples [n,...], m the lower median of all n^2 of
/// them (the diagonal's zeros included), through which gradients flow. [n,n]. Reads the distances on the host.
Tensor gaussian_gram(const Tensor& x, double threshold);

/// A Gram matrix [n,n] after centring for the biased estimator: H K H, H = 1 - 1/n. Differentiable. Throws ShapeError.
Tensor centered_gram(const Tensor& gram);

/// The biased CKA of two Gram matrices [n,n]: <K,L> / (|K| |L|) after centring. A scalar, differentiable in both.
Tensor alignment(const Tensor& k, const Tensor& l);

/// For the unbiased estimator, as double [n,n]: a zero diagonal, the means of rows and columns over the other examples
/// taken away so that the product of two such matrices over n (n - 3) does not depend on n in expectation (Song et al.
/// 2012, "Feature Selection via Dependence Maximization"; Szekely and Rizzo 2014). Throws ShapeError unless n >= 4.
std::vector<double> debiased_gram(const Tensor& gram);

/// How CKA is estimated from examples. kBiased centres and keeps the diagonal; its value rises with the number of
/// features over that of examples. kUnbiased takes debiased_gram of all examples; kMinibatch the mean of the unbiased
/// products over batches (Nguyen et al. 2021, "Do Wide and Deep Networks Learn the Same Things?"), which needs memory
/// for one batch only.
enum class CkaEstimator { kBiased, kUnbiased, kMinibatch };

/// CKA between every layer of one network and every layer of another, from Gram matrices of the same examples.
class CkaMatrix {
 public:
  CkaMatrix(std::size_t first_layers, std::size_t second_layers, CkaEstimator estimator);

  /// Adds n examples by the Gram matrices [n,n] of each layer. kMinibatch takes any number of batches, the others one
  /// call with all examples. Throws UsageError for another number of layers or a second call, ShapeError as above.
  void add(const std::vector<Tensor>& first, const std::vector<Tensor>& second);

  /// [first layers][second layers]; NaN where a layer is constant over the examples. Throws UsageError before add.
  std::vector<std::vector<double>> values() const;

 private:
  std::vector<std::vector<double>> products_;   // between the networks, summed over batches
  std::vector<double> first_own_, second_own_;  // of each layer with itself
  CkaEstimator estimator_;
  dim_t batches_ = 0;
};

}  // namespace engram
