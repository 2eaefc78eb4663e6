#pragma once
/// Modules: parameters, buffers and child modules under the names of the PyTorch reference networks.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace engram {

/// How a parameter or buffer is first filled.
struct Init {
  enum class Kind { kConstant, kUniform, kNormal };
  Kind kind = Kind::kConstant;
  float a = 0;  ///< the constant, the lower bound, the mean
  float b = 0;  ///< the upper bound, the standard deviation

  static Init constant(float value) { return {Kind::kConstant, value, 0}; }
  static Init uniform(float low, float high) { return {Kind::kUniform, low, high}; }
  static Init normal(float mean, float std) { return {Kind::kNormal, mean, std}; }
  /// U(-1/sqrt(fan_in), 1/sqrt(fan_in)): what torch.nn.Conv2d and Linear do to weight (Kaiming uniform, a = sqrt 5) and
  /// bias.
  static Init torch_default(dim_t fan_in);
  /// N(0, sqrt(2 / fan)): He et al. 2015.
  static Init he_normal(dim_t fan);
};

/// A tensor of a module under its full name, for example "layer1.0.conv1.weight".
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

class Module;

/// A module under its full name; the outermost has the name "".
struct NamedModule {
  std::string name;
  Module* module;
};

/// A state dictionary.
using StateDict = std::map<std::string, Tensor>;

/// Base of layers and networks. Owns its tensors; children are members of the derived class, registered by name, so
/// modules cannot be copied or moved. Tensors are made uninitialised: call `initialize` or `load_state`.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// Parameters in the order of PyTorch: own ones, then those of the children, as registered.
  std::vector<NamedTensor> named_parameters() const;
  /// Parameters and buffers in the order of a PyTorch state_dict: of each module first the parameters, then the
  /// buffers. There is no num_batches_tracked.
  std::vector<NamedTensor> named_state() const;
  std::vector<Tensor> parameters() const;
  /// This module and all below it, in the order of registration.
  std::vector<NamedModule> named_modules();
  /// Elements of all parameters.
  dim_t num_parameters() const;

  /// Fills every parameter and buffer by its rule. The values of a tensor depend on `seed` and its full name only.
  void initialize(std::uint64_t seed);

  /// The same as `named_state`, as a dictionary. The tensors are the module's own, not copies.
  StateDict state() const;
  /// Copies `state` into the module, strictly: the names must be those of `named_state` (num_batches_tracked aside,
  /// which is ignored), the extents equal and the values finite f32, variances not negative. Throws DataError that
  /// names every missing, unexpected and misfitting tensor (with both shapes) or the first bad value, and then changes
  /// nothing.
  void load_state(const StateDict& state);

  /// Moves all parameters and buffers to a device, in place: handles to them stay valid. Gradients are dropped. State
  /// of optimisers does not move along, so move first.
  virtual void to(const Device& device);

  /// Switches batch statistics, dropout and the like on or off, here and below. Modules start in training mode.
  void train(bool on = true);
  void eval() { train(false); }
  bool is_training() const { return training_; }

  /// Makes all parameters ask for gradients (as they do at first), or not.
  void set_requires_grad(bool on);

 protected:
  /// Makes a parameter on `device`.
  Tensor register_parameter(const std::string& name, const Shape& shape, Init init, Device device);
  /// Makes a tensor that is saved but not trained.
  Tensor register_buffer(const std::string& name, const Shape& shape, Init init, Device device);
  /// Registers a member; `name` may contain dots ("shortcut.0").
  void register_child(const std::string& name, Module& child);

 private:
  struct Entry {
    std::string name;
    Tensor tensor;
    Init init;
    bool is_parameter;
  };
  struct Child {
    std::string name;
    Module* module;
  };
  /// Calls visit(full name, entry) for everything in state_dict order.
  template <class Visit>
  void visit(const std::string& prefix, const Visit& visit_entry) const;

  std::vector<Entry> entries_;  // parameters before buffers
  std::vector<Child> children_;
  bool training_ = true;
};

}  // namespace engram
