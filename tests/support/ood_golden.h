#pragma once
/// What the tests of stored values of the methods for out-of-distribution generalisation share.

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/methods/ood/ood_task.h"

namespace engram::testing {

/// All numbers of nested lists, in order.
std::vector<double> numbers_of(const nlohmann::json& list);

/// Expects each value within `tolerance` of the expected one, relative to max(|expected|, a thousandth of the largest
/// of them, floor), as tests/golden/README.md measures.
void expect_numbers(const std::vector<float>& got, const nlohmann::json& expected, double tolerance,
                    const std::string& what, double floor = 0);
void expect_numbers(const Tensor& got, const nlohmann::json& expected, double tolerance, const std::string& what,
                    double floor = 0);

/// Keeps the losses' gradients to chosen tensors, and the gradients that optimisers got.
class GradientRecorder : public UpdateObserver {
 public:
  /// Tensors that each loss is differentiated to; undefined results where they play no part.
  std::vector<Tensor> wanted;

  void on_loss(const Tensor& loss) override;
  void on_gradients(const std::vector<NamedTensor>& parameters, const std::vector<Tensor>& gradients) override;

  std::vector<std::vector<Tensor>> losses_gradients;  ///< a list a loss
  std::map<std::string, Tensor> gradients;            ///< of the last update of each parameter, by its name
  void clear() { losses_gradients.clear(), gradients.clear(); }

  /// Euclidean norm over all parameters whose names begin so.
  double norm_of(const std::string& prefix) const;
};

/// Fills a tensor of any device by the parameter rule of tests/golden/README.md under `name`; `of_norm`: of a layer
/// that normalises.
void fill_parameter(const Tensor& tensor, const std::string& name, std::uint64_t seed, bool of_norm = false);
/// All parameters and buffers of a module, named prefix + renamed(name in the module).
void fill_parameters(const Module& module, const std::string& prefix, std::uint64_t seed,
                     const std::function<std::string(const std::string&)>& renamed = {});

/// Euclidean norm of a tensor.
double norm_of(const Tensor& x);

/// Runs one step and returns its meters by name.
std::map<std::string, double> run_step(TrainingTask& task, dim_t step);

}  // namespace engram::testing
