#pragma once
/// The fixture of the replays of tests/golden/*_trajectory.json: exact convolutions, the file's settings, and repeats
/// of a replay that hangs on a rounding.

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/compute_mode.h"
#include "tests/support/data_free_replay.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"
#include "tests/support/roundings.h"

namespace engram::testing {

class DataFreeReplay : public ::testing::Test {
 protected:
  void SetUp() override { set_conv_policy(kernels::ConvPolicy::kExact); }
  void TearDown() override { set_conv_policy(kernels::ConvPolicy::kFast); }

  void read(const std::string& file) {
    data_ = golden_json(file);
    seed_ = data_["seed"];
    batch_ = data_["batch"];
  }
  void networks(const std::string& prefix, const std::string& teacher, const std::string& student, int classes) {
    teacher_ = replay_network(teacher, classes, prefix + ".teacher", seed_);
    student_ = replay_network(student, classes, prefix + ".student", seed_);
  }

  /// Normal noise of this name, as the present try rounds it.
  Tensor noise(const std::string& name, const Shape& shape) const {
    return Tensor::from(rounded(formula_normal(name, seed_, numel(shape)), name, seed_, rounding_), shape);
  }

  /// Calls `replay`, which starts from networks() and returns where missed() says so, until a call follows the file.
  template <class Replay>
  void expect_followed(const std::string& what, const Replay& replay) {
    expect_a_rounding_follows(what, [&](int rounding, const ::testing::TestPartResultArray& misses) {
      rounding_ = rounding;
      misses_ = &misses;
      steps_ = 0;
      replay();
      return steps_;
    });
  }
  /// After each step of a replay: whether it left the file.
  bool missed() {
    ++steps_;
    return misses_->size() > 0;
  }

  nlohmann::json data_;
  std::uint64_t seed_ = 0;
  dim_t batch_ = 0;
  ReplayLimits limits_;
  std::unique_ptr<Network> teacher_, student_;

 private:
  int rounding_ = 0;
  std::size_t steps_ = 0;
  const ::testing::TestPartResultArray* misses_ = nullptr;
};

}  // namespace engram::testing
