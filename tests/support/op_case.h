#pragma once
/// One case of a differentiable operation, from which the tests of its values and gradients follow.

#include <functional>
#include <string>
#include <vector>

#include "engine/ops.h"

namespace engram::testing {

/// A dense row-major array in double, for references.
struct Array {
  Shape shape;
  std::vector<double> values;

  Array() = default;
  explicit Array(Shape s, double value = 0) : shape(std::move(s)), values(std::size_t(numel(shape)), value) {}
  double& at(std::initializer_list<dim_t> index);
  double at(std::initializer_list<dim_t> index) const;
};

/// Applies `f` elementwise.
Array map(const Array& x, const std::function<double(double)>& f);

/// An operation, its reference and the inputs to try.
struct OpCase {
  std::string name;
  std::vector<Shape> inputs;                                  ///< extents of the f32 inputs
  std::function<Tensor(const std::vector<Tensor>&)> op;       ///< one output; sum several with different weights
  std::function<Array(const std::vector<Array>&)> reference;  ///< the same in double, from plain loops
  double low = -2, high = 2;                                  ///< range of the random inputs
  double kink = -1;                                           ///< keep inputs at least this far from 0
  double tolerance = 1e-5;                                    ///< of values, relative to 1 + |expected|
  double gradient_tolerance = 2e-4;                           ///< of directional derivatives, relative to their scale
  std::vector<bool> differentiable = {};                      ///< which inputs take gradients; default all
  bool order2 = true;                                         ///< check second derivatives
  double thread_tolerance = 0;  ///< for library kernels whose bits depend on the thread count
  /// Try 4-D inputs with C % 16 == 0 in the blocked layout too (on other devices than the CPU any C).
  bool blocked = true;
};

/// The device that operations are tested on: the environment's ENGRAM_TEST_DEVICE (cpu, emu, cuda), by default the CPU.
Device test_device();

/// Checks on the test device, in this order: values against the reference; gradients (fused path, and with
/// create_graph) against central differences of the reference in random directions; second derivatives against mixed
/// differences; that gradients are computed only where asked; equal bits when run again and, on the CPU, with 1, 2 and
/// 3 threads. Fresh memory is poisoned with NaN meanwhile. Failures go to GoogleTest.
void check_op(const OpCase& test_case);

}  // namespace engram::testing
