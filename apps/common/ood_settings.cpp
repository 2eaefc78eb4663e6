#include "apps/common/ood_settings.h"

#include "models/data/ood_protocols.h"
#include "models/methods/ood/ood_registry.h"
#include "models/nets/make_network.h"
#include "models/nets/network_registry.h"

namespace engram::apps {
namespace {

void add_what_to_train(Cli& cli, OodSettings& s) {
  cli.group("What to train on what");
  cli.option("method", &s.method, "Method, a name or a JSON object with settings: " + ood_registry().names())
      .names_part([](const std::string& text) { ood_registry().canonical(text); });
  cli.option("protocol", &s.protocol, "Images and environments, likewise: " + ood_protocols().names())
      .names_part([](const std::string& text) { ood_protocols().canonical(text); });
  cli.option("data", &s.data, "Folder of the images, where the protocol reads some").only_on_command_line().input();
  cli.option("held-out", &s.held_out, "Environments that training never sees, where the protocol leaves the choice");
  cli.option("contexts", &s.contexts, "Second labels: the protocol's own, the number of the environment, or none")
      .choices({"own", "environment", "none"});
  cli.option("pool", &s.pool, "Train on all environments as one, second labels kept");
  cli.option("arch", &s.arch, "Network (a method may build on it): " + network_names()).names_part(check_network_name);
  cli.parts("method", ood_registry().entries());
  cli.parts("protocol", ood_protocols().entries());
  cli.parts("network", network_registry().entries());
  cli.option("binary-logit", &s.binary_logit, "Two classes by the sign of one output, as IRM's program");
  cli.option("init", &s.init,
             "Start from the weights of this classifier or PyTorch state dictionary (safetensors), all but the last "
             "layer where its outputs differ")
      .input();
}

void add_optimisation(Cli& cli, OodSettings& s) {
  cli.group("Optimisation");
  cli.option("steps", &s.steps, "Updates").at_least(1).at_most(1000000000);
  cli.option("batch-size", &s.batch_size, "Images of each environment a step; 0 takes all").at_least(0);
  add_optimizer_settings(cli, s.optimizer);
  cli.option("l2", &s.l2, "Weight of the sum of squares of all parameters in the loss, as IRM's program").at_least(0);
  cli.option("clip-norm", &s.clip_norm, "Largest norm of the gradients together; 0 is no limit").at_least(0);
  cli.option("schedule", &s.schedule, "Course of the learning rate").choices({"constant", "multistep", "cosine"});
  cli.option("warmup-steps", &s.warmup_steps, "Linear rise at the start").at_least(0);
  cli.option("milestones", &s.milestones, "Steps at which multistep multiplies by --gamma");
  cli.option("gamma", &s.gamma, "Factor of multistep").at_least(0);
  cli.option("final-lr", &s.final_lr, "End of cosine").at_least(0);
  cli.option("average", &s.average, "Average of the weights that is deployed").choices(weight_average_names());
  cli.option("average-from", &s.average_from, "First step of uniform and ema averages").at_least(0);
  cli.option("average-decay", &s.average_decay, "Of ema").at_least(0).at_most(1);
}

}  // namespace

AugmentSettings no_augmentation() {
  AugmentSettings settings;
  settings.padding = 0;
  settings.flip_probability = 0;
  return settings;
}

void add_ood_settings(Cli& cli, OodSettings& s) {
  add_what_to_train(cli, s);
  add_optimisation(cli, s);
  add_augment_settings(cli, s.augment);
  cli.group("Selection, evaluation and files");
  cli.option("trials", &s.trials, "Trainings with drawn settings; the first has those given")
      .at_least(1)
      .at_most(100000);
  cli.option("leave-one-out", &s.leave_one_out,
             "With --trials: also train without each of the training environments in turn, and test on it");
  cli.option("evaluate-every", &s.evaluate_every, "Steps between evaluations; --steps is a multiple").at_least(1);
  cli.option("checkpoint-steps", &s.checkpoint_steps, "Steps between checkpoints; 0 is at each evaluation").at_least(0);
  cli.option("pictures", &s.pictures, "Write pictures of images and features");
  cli.option("graph", &s.graph, "On CUDA devices: repeat the step as one CUDA graph");
  add_training_run_options(cli, s.common);
  cli.footer(
      "Example: engram-ood --method irm --protocol colored-mnist --data MNIST --binary-logit --out RUN\n"
      "Tables: engram-reproduce apps/plans/colored_mnist.json --data mnist=FOLDER --out OUT --jobs 2");
}

OodOptions ood_options(const OodSettings& s) {
  OodOptions o;
  o.optimizer = optimizer_options(s.optimizer);
  o.schedule.kind = parse_schedule(s.schedule);
  o.schedule.base_lr = s.optimizer.lr;
  o.schedule.warmup_steps = s.warmup_steps;
  o.schedule.milestones.assign(s.milestones.begin(), s.milestones.end());
  o.schedule.gamma = s.gamma;
  o.schedule.final_lr = s.final_lr;
  o.total_steps = s.steps;
  o.l2 = s.l2;
  o.clip_norm = float(s.clip_norm);
  o.average.kind = s.average;
  o.average.first_step = s.average_from;
  o.average.decay = s.average_decay;
  o.seed = s.common.seed;
  return o;
}

EnvironmentPlan environment_plan(const OodSettings& s) {
  return {.batch_size = s.batch_size, .augment = augment_options(s.augment), .seed = s.common.seed};
}

OodData read_ood_images(const OodSettings& s) {
  OodData data = read_ood_data(s.protocol, {.folder = s.data, .held_out = s.held_out, .seed = s.common.seed});
  if (s.contexts == "environment") {
    label_by_environment(data.train);
    data.context_word = "environment";
  }
  if (s.contexts == "none")
    for (Environment& e : data.train) {
      e.images.contexts.clear();
      e.images.context_names.clear();
    }
  if (s.pool) data.train = {pool_environments(data.train, "all")};
  return data;
}

}  // namespace engram::apps
