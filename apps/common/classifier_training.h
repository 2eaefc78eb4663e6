#pragma once
/// A training that ends in a classifier, whatever the method: its start, its checkpoints, metrics, progress and
/// evaluations, and the file that it leaves.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "apps/common/cli.h"
#include "apps/common/program.h"
#include "models/data/dataset.h"
#include "models/training/task.h"

namespace engram::apps {

/// How a training is watched and kept.
struct ClassifierTrainingSettings {
  bool test_flip = false;
  std::int64_t evaluate_every = 1;    ///< epochs
  std::int64_t checkpoint_steps = 0;  ///< 0: once an epoch
  std::string precision = "f32";      ///< of the classifier's file
  bool graph = true;
};

/// Registers --test-flip, --evaluate-every, --checkpoint-steps, --precision and --graph.
void add_classifier_training_settings(Cli& cli, ClassifierTrainingSettings& settings);

/// The network that a training starts from: a new one for the images and classes of `images`, or, where `init` is not
/// empty, that of a classifier's file, which becomes an input of the run. In training mode. Throws UsageError as
/// make_network, and DataError for a file of another network, other classes or other images.
std::unique_ptr<Network> start_network(Program& program, const std::string& arch, const std::filesystem::path& init,
                                       const ImageDataset& images, std::uint64_t seed);

/// What is trained. The task's first meter is its loss; an accuracy is the meter "train/accuracy".
struct ClassifierTraining {
  ClassifierTask& task;
  dim_t total_steps = 0, steps_per_epoch = 0;
  std::function<double(dim_t)> learning_rate;  ///< of a step, for the metrics
  const ImageDataset& train;                   ///< its classes and normalisation go into the classifier's file
  const ImageDataset& test;                    ///< accuracy is measured on it
};

/// The training of a task that knows its own steps and rates, as SupervisedTask, StudentTask and DataFreeTask do.
template <class Task>
ClassifierTraining training_of(Task& task, const ImageDataset& train, const ImageDataset& test) {
  return {
      task, task.total_steps(), task.steps_per_epoch(), [&task](dim_t step) { return task.learning_rate(step); }, train,
      test};
}

/// Opens the program's run folder, goes on at its checkpoint where there is one, trains, and writes
/// classifier.safetensors, the facts "test_accuracy" (of the last epoch), "best_test_accuracy" and "parameters" and the
/// report. Returns the exit code. `files`
/// are patterns of what the program writes beside the classifier and the checkpoint. Throws what Program::open and
/// load_checkpoint throw, and what Program::run passes on.
int run_classifier_training(Program& program, const ClassifierTrainingSettings& settings,
                            const ClassifierTraining& training, const FilePatterns& files = {});

}  // namespace engram::apps
