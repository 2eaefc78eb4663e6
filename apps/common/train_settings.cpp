#include "apps/common/train_settings.h"

#include <cmath>

#include "models/nets/make_network.h"
#include "models/nets/network_registry.h"

namespace engram::apps {

void add_train_settings(Cli& cli, TrainSettings& s) {
  cli.group("What to train on what");
  cli.option("arch", &s.arch, "Network: " + network_names()).names_part(check_network_name);
  cli.parts("network", network_registry().entries());
  add_data_settings(cli, s.images);
  cli.option("init", &s.init,
             "Start from the weights of this classifier (a file, or the folder of a training) of the same network")
      .input();
  add_limit_option(cli, s.limit, "training images");
  cli.group("Optimisation");
  cli.option("epochs", &s.epochs, "Passes over the training images").at_least(1).at_most(1000000);
  cli.option("batch-size", &s.batch_size, "Images a step").at_least(1);
  add_optimizer_settings(cli, s.optimizer);
  cli.option("decay-vectors", &s.decay_vectors, "Decay biases and normalisation parameters too");
  cli.option("label-smoothing", &s.label_smoothing, "Share of the target spread over all classes")
      .at_least(0)
      .at_most(1);
  cli.option("clip-norm", &s.clip_norm, "Largest norm of the gradients together; 0 is no limit").at_least(0);
  cli.option("ema-decay", &s.ema_decay, "Decay of the running average of the weights a step; 0 keeps none")
      .at_least(0)
      .at_most(1);
  cli.group("Learning rate");
  cli.option("schedule", &s.schedule, "Its course").choices(schedule_names());
  cli.option("warmup-epochs", &s.warmup_epochs, "Linear rise at the start (not of one-cycle)")
      .at_least(0)
      .at_most(1000000);
  cli.option("milestones", &s.milestones, "Epochs at which multistep multiplies by --gamma")
      .at_least(0)
      .at_most(1000000);
  cli.option("gamma", &s.gamma, "Factor of step and multistep").at_least(0);
  cli.option("final-lr", &s.final_lr, "End of cosine").at_least(0);
  cli.option("rise-fraction", &s.rise_fraction, "One-cycle: part of the training spent rising").at_least(0).at_most(1);
  cli.option("start-divisor", &s.start_divisor, "One-cycle: peak over start").at_least(1);
  cli.option("final-divisor", &s.final_divisor, "One-cycle: start over end").at_least(1);
  cli.option("anneal", &s.anneal, "One-cycle: shape between the corners").choices({"cosine", "linear"});
  add_augment_settings(cli, s.augment);
  add_classifier_training_settings(cli, s.training);
  add_training_run_options(cli, s.common);
  cli.footer(dataset_help());
}

SupervisedOptions supervised_options(const TrainSettings& s, dim_t train_images) {
  const dim_t per_epoch = train_images / s.batch_size;
  const auto steps = [&](double epochs) { return dim_t(std::llround(epochs * double(per_epoch))); };
  SupervisedOptions o;
  o.optimizer = optimizer_options(s.optimizer);
  o.optimizer.decay_vectors = s.decay_vectors;
  o.schedule.kind = parse_schedule(s.schedule);
  o.schedule.base_lr = s.optimizer.lr;
  o.schedule.warmup_steps = steps(s.warmup_epochs);
  for (double epoch : s.milestones) o.schedule.milestones.push_back(steps(epoch));
  o.schedule.step_size = per_epoch;
  o.schedule.gamma = s.gamma;
  o.schedule.final_lr = s.final_lr;
  o.schedule.rise_fraction = s.rise_fraction;
  o.schedule.start_divisor = s.start_divisor;
  o.schedule.final_divisor = s.final_divisor;
  o.schedule.anneal = s.anneal == "linear" ? Anneal::kLinear : Anneal::kCosine;
  o.batches.batch_size = s.batch_size;
  o.batches.seed = s.common.seed;
  o.batches.augment = augment_options(s.augment);
  o.epochs = s.epochs;
  o.label_smoothing = float(s.label_smoothing);
  o.clip_norm = float(s.clip_norm);
  o.ema_decay = s.ema_decay;
  return o;
}

}  // namespace engram::apps
