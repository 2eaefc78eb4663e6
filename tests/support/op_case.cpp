#include "tests/support/op_case.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "engine/allocator.h"
#include "engine/autograd.h"

namespace engram::testing {
namespace {

dim_t flat_index(const Shape& shape, std::initializer_list<dim_t> index) {
  dim_t flat = 0;
  int axis = 0;
  for (dim_t i : index) flat = flat * shape[axis++] + i;
  return flat;
}

bool can_be_blocked(const Shape& shape) {
  return shape.size() == 4 && can_block_channels(test_device(), shape[1]);
}

struct PoisonGuard {
  PoisonGuard() { CachingAllocator::of(test_device()).set_poison(true); }
  ~PoisonGuard() { CachingAllocator::of(test_device()).set_poison(false); }
};

struct ThreadGuard {
  int before = omp_get_max_threads();
  ~ThreadGuard() { omp_set_num_threads(before); }
};

std::vector<float> random_values(std::mt19937& rng, dim_t count, double low, double high, double kink) {
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) do
      v = float(uniform(rng));
    while (std::abs(v) < kink);
  return values;
}

Array to_array(const std::vector<float>& values, const Shape& shape) {
  Array array(shape);
  std::copy(values.begin(), values.end(), array.values.begin());
  return array;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

/// The inputs of one run of a case, and random directions and output weights.
class Run {
 public:
  Run(const OpCase& c, bool blocked, unsigned seed) : case_(c), blocked_(blocked), rng_(seed) {
    for (const Shape& shape : c.inputs) {
      values_.push_back(random_values(rng_, numel(shape), c.low, c.high, c.kink));
      arrays_.push_back(to_array(values_.back(), shape));
      u_.push_back(direction(shape));
      v_.push_back(direction(shape));
    }
    expected_ = c.reference(arrays_);
    weights_ = to_array(random_values(rng_, numel(expected_.shape), -1, 1, -1), expected_.shape);
    for (std::size_t i = 0; i < c.inputs.size(); ++i)
      if (c.differentiable.empty() || c.differentiable[i]) takes_grad_.push_back(int(i));
  }

  void check() {
    check_values();
    if (takes_grad_.empty()) return;
    check_first_order(false);
    if (!case_.order2) return;
    check_first_order(true);
    check_second_order();
  }

 private:
  Array direction(const Shape& shape) { return to_array(random_values(rng_, numel(shape), -1, 1, -1), shape); }

  std::vector<Tensor> leaves() const {
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      Tensor x = Tensor::from(values_[i], case_.inputs[i], test_device());
      if (blocked_ && can_be_blocked(x.shape())) x = x.blocked();
      inputs.push_back(x);
    }
    for (int i : takes_grad_) inputs[i].set_requires_grad();
    return inputs;
  }

  std::vector<Tensor> chosen(const std::vector<Tensor>& inputs) const {
    std::vector<Tensor> out;
    for (int i : takes_grad_) out.push_back(inputs[i]);
    return out;
  }

  Tensor weighted(const Tensor& y) const {
    std::vector<float> w(weights_.values.begin(), weights_.values.end());
    return sum(mul(y, Tensor::from(w, y.shape(), test_device())));
  }

  /// The weighted sum of the reference at x + a u + b v, directions of the differentiable inputs only.
  double scalar_at(double a, double b) const {
    std::vector<Array> moved = arrays_;
    for (int i : takes_grad_)
      for (std::size_t j = 0; j < moved[i].values.size(); ++j)
        moved[i].values[j] += a * u_[i].values[j] + b * v_[i].values[j];
    return dot(case_.reference(moved).values, weights_.values);
  }

  void check_values() {
    const Tensor y = case_.op(leaves());
    ASSERT_EQ(y.shape(), expected_.shape) << label();
    const std::vector<float> got = y.to_vector();
    for (std::size_t i = 0; i < got.size(); ++i)
      ASSERT_LE(std::abs(got[i] - expected_.values[i]), case_.tolerance * (1 + std::abs(expected_.values[i])))
          << label() << " value " << i << ": got " << got[i] << ", expected " << expected_.values[i];
  }

  void check_first_order(bool create_graph) {
    const std::vector<Tensor> inputs = leaves();
    const Tensor loss = weighted(case_.op(inputs));
    const std::vector<Tensor> gradients =
        grad({loss}, chosen(inputs), {.create_graph = create_graph, .allow_unused = true});
    double got = 0, scale = 0;
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      const int i = takes_grad_[k];
      if (!gradients[k].defined()) continue;
      ASSERT_EQ(gradients[k].shape(), case_.inputs[i]) << label();
      const std::vector<float> g = gradients[k].to_vector();
      for (std::size_t j = 0; j < g.size(); ++j) {
        got += double(g[j]) * u_[i].values[j];
        scale += double(g[j]) * g[j];
      }
    }
    const double h = 1e-5;
    const double expected = (scalar_at(h, 0) - scalar_at(-h, 0)) / (2 * h);
    EXPECT_LE(std::abs(got - expected), case_.gradient_tolerance * (1 + std::abs(expected) + std::sqrt(scale)))
        << label() << " first order" << (create_graph ? " with create_graph" : "") << ": got " << got << ", expected "
        << expected;
    check_single_gradients(inputs.size());
  }

  /// Asking for one gradient must give the same as asking for all.
  void check_single_gradients(std::size_t) {
    if (takes_grad_.size() < 2) return;
    const std::vector<Tensor> together_inputs = leaves();
    const auto together = grad({weighted(case_.op(together_inputs))}, chosen(together_inputs), {.allow_unused = true});
    for (std::size_t k = 0; k < takes_grad_.size(); ++k) {
      std::vector<Tensor> inputs = leaves();
      for (std::size_t other = 0; other < takes_grad_.size(); ++other)
        if (other != k) inputs[takes_grad_[other]].set_requires_grad(false);
      if (!together[k].defined()) continue;
      const auto alone = grad({weighted(case_.op(inputs))}, {inputs[takes_grad_[k]]}, {.allow_unused = true});
      ASSERT_TRUE(alone[0].defined()) << label();
      const auto a = alone[0].to_vector(), b = together[k].to_vector();
      for (std::size_t j = 0; j < a.size(); ++j)
        ASSERT_LE(std::abs(a[j] - b[j]), 1e-5 * (1 + std::abs(b[j])))
            << label() << " gradient of input " << takes_grad_[k] << " alone";
    }
  }

  void check_second_order() {
    const std::vector<Tensor> inputs = leaves();
    const Tensor loss = weighted(case_.op(inputs));
    const auto gradients = grad({loss}, chosen(inputs), {.create_graph = true, .allow_unused = true});
    Tensor along;
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      if (!gradients[k].defined()) continue;
      const int i = takes_grad_[k];
      std::vector<float> u(u_[i].values.begin(), u_[i].values.end());
      const Tensor part = sum(mul(gradients[k], Tensor::from(u, case_.inputs[i], test_device())));
      along = along.defined() ? add(along, part) : part;
    }
    double got = 0, scale = 0;
    if (along.defined() && along.requires_grad()) {
      const auto second = grad({along}, chosen(inputs), {.allow_unused = true});
      for (std::size_t k = 0; k < second.size(); ++k) {
        if (!second[k].defined()) continue;
        const std::vector<float> g = second[k].to_vector();
        for (std::size_t j = 0; j < g.size(); ++j) {
          got += double(g[j]) * v_[takes_grad_[k]].values[j];
          scale += double(g[j]) * g[j];
        }
      }
    }
    const double h = 2e-4;
    const double expected = (scalar_at(h, h) - scalar_at(h, -h) - scalar_at(-h, h) + scalar_at(-h, -h)) / (4 * h * h);
    EXPECT_LE(std::abs(got - expected), 10 * case_.gradient_tolerance * (1 + std::abs(expected) + std::sqrt(scale)))
        << label() << " second order: got " << got << ", expected " << expected;
  }

 public:
  /// Values and gradients as bits, for comparisons between runs.
  std::vector<std::vector<float>> bits() const {
    const std::vector<Tensor> inputs = leaves();
    const Tensor y = case_.op(inputs);
    std::vector<std::vector<float>> out = {y.to_vector()};
    if (takes_grad_.empty()) return out;
    for (const Tensor& g : grad({weighted(y)}, chosen(inputs), {.allow_unused = true}))
      if (g.defined()) out.push_back(g.to_vector());
    return out;
  }

  std::string label() const { return case_.name + (blocked_ ? " (blocked)" : ""); }

 private:
  const OpCase& case_;
  bool blocked_;
  std::mt19937 rng_;
  std::vector<std::vector<float>> values_;
  std::vector<Array> arrays_, u_, v_;
  Array expected_, weights_;
  std::vector<int> takes_grad_;
};

void expect_close(const std::vector<float>& got, const std::vector<float>& expected, double tolerance,
                  const std::string& label) {
  ASSERT_EQ(got.size(), expected.size()) << label;
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_LE(std::abs(got[i] - expected[i]), tolerance * (1 + std::abs(expected[i]))) << label << " at " << i;
}

void check_repeats(const Run& run, double thread_tolerance) {
  ThreadGuard threads;
  omp_set_num_threads(1);
  const auto first = run.bits();
  if (!test_device().is_cpu()) {
    EXPECT_EQ(run.bits(), first) << run.label() << " again";
    return;
  }
  for (int count : {1, 2, 3}) {
    omp_set_num_threads(count);
    const auto again = run.bits();
    const std::string label = message(run.label(), " with ", count, " threads");
    if (count == 1 || thread_tolerance == 0) {
      EXPECT_EQ(again, first) << label;
    } else {
      for (std::size_t i = 0; i < first.size(); ++i) expect_close(again[i], first[i], thread_tolerance, label);
    }
  }
}

}  // namespace

Device test_device() {
  static const Device device = [] {
    const char* name = std::getenv("ENGRAM_TEST_DEVICE");
    return name ? parse_device(name) : Device{};
  }();
  return device;
}

double& Array::at(std::initializer_list<dim_t> index) {
  return values[std::size_t(flat_index(shape, index))];
}
double Array::at(std::initializer_list<dim_t> index) const {
  return values[std::size_t(flat_index(shape, index))];
}

Array map(const Array& x, const std::function<double(double)>& f) {
  Array y = x;
  for (double& v : y.values) v = f(v);
  return y;
}

void check_op(const OpCase& test_case) {
  PoisonGuard poison;
  std::vector<bool> layouts = {false};
  if (test_case.blocked && std::any_of(test_case.inputs.begin(), test_case.inputs.end(), can_be_blocked))
    layouts.push_back(true);
  for (bool blocked : layouts) {
    Run run(test_case, blocked, 7);
    run.check();
    check_repeats(run, test_case.thread_tolerance);
  }
}

}  // namespace engram::testing
