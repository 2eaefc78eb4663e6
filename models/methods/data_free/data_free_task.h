#pragma once
/// What the data-free methods that train a student have in common.

#include <string>
#include <utility>
#include <vector>

#include "models/data/dataset.h"
#include "models/methods/data_free/noise_source.h"
#include "models/training/optimizer.h"
#include "models/training/staged.h"
#include "models/training/task.h"

namespace engram {

/// Which networks, and what else a method is made from. Both networks outlive the task and are on one device.
struct DataFreeProblem {
  Network& teacher;
  Network& student;
  Normalization normalization;  ///< the teacher's constants: what its inputs are made of images in [0,1] with
  std::uint64_t seed = 1;
};

/// Trains a student from a teacher's answers to images that the task makes itself.
class DataFreeTask : public ClassifierTask {
 public:
  /// Freezes the teacher and sets it to evaluation. Throws as check_student and check_normalization.
  explicit DataFreeTask(const DataFreeProblem& problem);

  Device device() const override { return teacher_.device(); }
  Network& deployed() override { return student_; }
  virtual dim_t steps_per_epoch() const = 0;
  virtual dim_t epochs() const = 0;
  dim_t total_steps() const { return steps_per_epoch() * epochs(); }
  /// Images made for one step of the student.
  virtual dim_t batch_size() const = 0;
  /// The student's rate in a step.
  virtual double learning_rate(dim_t step) const = 0;
  /// The noise of the steps; a replay gives it.
  NoiseSource& noise() { return noise_; }

 protected:
  /// A seed of this task for one purpose, as a word.
  std::uint64_t seed_for(const std::string& purpose) const;
  /// Images in [0,1] -> network input.
  Tensor normalized(const Tensor& images) const;
  /// The inverse, limited to [0,1].
  Tensor denormalized(const Tensor& input) const;

  Network& teacher_;
  Network& student_;
  Normalization normalization_;
  NoiseSource noise_;

 private:
  std::uint64_t seed_;
  Tensor mean_, deviation_;  // [1,C,1,1]
};

/// Throws DataError where classes or images of the two differ.
void check_student(const Network& teacher, const Network& student);
/// Throws DataError unless there is one constant and one positive deviation a channel.
void check_normalization(const Normalization& normalization, dim_t channels);

/// Values of channels as [1, channels, 1, 1] on the device.
Tensor channel_values(const std::vector<float>& values, const Device& device);

/// Throws DataError, naming `method`, for a network without batch normalisation.
void require_batch_norm(Network& network, const std::string& method);

/// Throws UsageError, naming the setting, for the first of these that is below 1.
void check_lengths(const std::vector<std::pair<std::string, dim_t>>& lengths);

/// SGD with momentum 0.9, as all of these methods' students have it.
OptimizerOptions student_sgd(float weight_decay);
/// Adam with these decays of its averages.
OptimizerOptions adam_with(double beta1, double beta2);

}  // namespace engram
