/// engram-train: trains a classifier on a labelled image set.

#include "apps/common/classifier_training.h"
#include "apps/common/exit_code.h"
#include "apps/common/program.h"
#include "apps/common/train_settings.h"
#include "apps/programs.h"

namespace engram::apps {

int run_train(Call& call) {
  TrainSettings settings;
  Cli cli(call, "Trains a classifier and writes it, with its metrics and checkpoints, to a run folder.");
  add_train_settings(cli, settings);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  Program program(cli, settings.common);
  const TrainingSets sets = open_training_sets(program, settings.images, settings.limit);
  const std::unique_ptr<Network> network =
      start_network(program, settings.arch, settings.init, sets.train, settings.common.seed);
  SupervisedTask task(*network, sets.train, supervised_options(settings, sets.train.count));
  return run_classifier_training(program, settings.training, training_of(task, sets.train, sets.test));
}

}  // namespace engram::apps
