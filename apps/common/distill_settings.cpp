#include "apps/common/distill_settings.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "models/methods/data_free/data_free_registry.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/student_task.h"
#include "models/nets/make_network.h"
#include "models/nets/network_registry.h"

namespace engram::apps {
namespace {

/// How a paper or its code trains (docs/methods/distillation.md, "Protocols").
struct Protocol {
  const char* name;
  std::int64_t epochs, batch_size;
  double lr;
  std::vector<double> milestones;
  double gamma = 0.1;
  bool nesterov = false;
  double weight_decay = 5e-4;
  const char* pad_mode = "zero";
  std::int64_t initial_epochs = 30;
  double initial_lr = 0.1;
  double warmup_epochs = 0;
  bool fresh_momentum = false;
  double rotation = 0;
};

const std::vector<Protocol>& protocols() {
  static const std::vector<Protocol> all = {
      {"ie-kd", 160, 128, 0.1, {80, 120}, 0.1, true, 5e-4, "reflect"},
      {"repdistiller", 240, 64, 0.05, {150, 180, 210}, 0.1, false, 5e-4, "zero", 30, 0.01},
      {"mdistiller", 240, 64, 0.05, {150, 180, 210}},
      {"at", 200, 128, 0.1, {59, 119, 159}, 0.2, false, 5e-4, "zero", 30, 0.1, 0, true},
      {"ft", 164, 128, 0.1, {82, 123}, 0.1, false, 5e-4, "zero", 6},
      {"od", 200, 128, 0.1, {100, 150}, 0.1, true, 5e-4, "reflect", 30, 0.1, 0, true},
      {"kd-zoo", 200, 128, 0.1, {100, 150}, 0.1, true, 1e-4},
      {"tf-kd", 200, 128, 0.1, {60, 120, 160}, 0.2, false, 5e-4, "zero", 30, 0.1, 1, false, 15},
      {"one", 300, 128, 0.1, {150, 225}, 0.1, false, 1e-4},
      {"cl", 300, 64, 0.1, {150, 225, 290}, 0.1, false, 1e-4},
      {"snapshot", 300, 128, 0.1, {}, 0.1, true, 1e-4},
  };
  return all;
}

const Protocol& protocol_of(const std::string& name) {
  return *std::find_if(protocols().begin(), protocols().end(), [&](const Protocol& p) { return p.name == name; });
}

std::vector<std::string> protocol_names() {
  std::vector<std::string> names;
  for (const Protocol& protocol : protocols()) names.push_back(protocol.name);
  return names;
}

}  // namespace

std::string protocol_help() {
  std::ostringstream text;
  text.exceptions(std::ios::badbit);  // a lack of memory leaves no shorter text
  text << "Protocols:";
  for (const Protocol& p : protocols()) {
    text << "\n  " << p.name << std::string(14 - std::string(p.name).size(), ' ') << p.epochs << " epochs, batch "
         << p.batch_size << ", lr " << p.lr;
    if (!p.milestones.empty()) text << " x " << p.gamma << " after";
    for (const double epoch : p.milestones) text << " " << epoch;
    text << (p.nesterov ? ", Nesterov" : "") << ", decay " << p.weight_decay << ", " << p.pad_mode << " padding"
         << (p.fresh_momentum ? ", fresh momenta" : "");
    if (p.rotation > 0) text << ", rotation " << p.rotation;
  }
  return text.str();
}

void add_distill_settings(Cli& cli, DistillSettings& s) {
  cli.group("Who teaches whom what");
  cli.option("teacher", &s.teachers, "Classifier files or folders of engram-train, with commas").input();
  cli.option("student", &s.student, "Network: " + network_names()).names_part(check_network_name).required("resume");
  cli.without("data-free");
  cli.option("method", &s.method,
             "One of, or terms joined by '+', each a word or JSON with settings: " + distillation_method_names())
      .names_part(check_distillation_method);
  cli.without("");
  cli.option(
         "data-free", &s.data_free,
         "Instead, a method that makes its images from the teacher, a word or JSON with its own settings; --data is "
         "only tested on: " +
             data_free_registry().names())
      .names_part([](const std::string& text) { data_free_registry().canonical(text); });
  cli.parts("network", network_registry().entries());
  cli.parts("loss", distillation_registry().entries());
  cli.parts("method", student_task_registry().entries());
  cli.parts("data-free method", data_free_registry().entries());
  cli.option("init", &s.init, "Start from the weights of this classifier of the same network, not from random ones")
      .input();
  add_data_settings(cli, s.images, false);
  cli.option("test-data", &s.test_data, "Folder of the data set to test on, where --data has no test split").input();
  cli.without("data-free");
  cli.option("teacher-labels", &s.teacher_labels,
             "Take the labels of the training images from the teacher; so it is for images without any");
  add_limit_option(cli, s.limit, "training images");
  cli.without("");
  cli.group("Teachers' files");
  add_classifier_options(cli, s.assumed);
  cli.group("Optimisation by SGD; the protocol says what is not given");
  cli.without("data-free");
  cli.option("protocol", &s.protocol, "How a paper or its code trains (below)").choices(protocol_names());
  cli.option("epochs", &s.epochs, "Passes over the training images").at_least(1).at_most(1000000);
  cli.option("initial-epochs", &s.initial_epochs,
             "Passes before, of methods with an initial stage; unless given, as large a part as in the protocol")
      .at_least(0)
      .at_most(1000000);
  cli.option("batch-size", &s.batch_size, "Images a step").at_least(2);
  add_sgd_settings(cli, s.optimizer);
  cli.option("initial-lr", &s.initial_lr, "Learning rate of the initial stage").at_least(0);
  cli.option("schedule", &s.schedule, "Course of the learning rate").choices({"constant", "multistep", "cosine"});
  cli.option("warmup-epochs", &s.warmup_epochs, "Linear rise at the start").at_least(0).at_most(1000000);
  cli.option("milestones", &s.milestones, "Epochs at which multistep multiplies by --gamma")
      .at_least(0)
      .at_most(1000000);
  cli.option("gamma", &s.gamma, "Factor of multistep").at_least(0);
  cli.option("fresh-momentum", &s.fresh_momentum, "Forget the momenta where multistep lowers the rate");
  s.augment.pad_mode = "reflect";
  add_augment_settings(cli, s.augment);
  cli.without("");
  add_classifier_training_settings(cli, s.training);
  add_training_run_options(cli, s.common);
  cli.footer(protocol_help() + "\n\n" + dataset_help());
}

void apply_protocol(const Cli& cli, DistillSettings& s) {
  const Protocol& p = protocol_of(s.protocol);
  const auto set = [&](const char* name, auto& setting, const auto& value) {
    if (!cli.was_given(name)) setting = value;
  };
  set("epochs", s.epochs, p.epochs);
  set("initial-epochs", s.initial_epochs,
      std::max<std::int64_t>(1, std::llround(double(p.initial_epochs * s.epochs) / double(p.epochs))));
  set("batch-size", s.batch_size, p.batch_size);
  set("lr", s.optimizer.lr, p.lr);
  set("initial-lr", s.initial_lr, p.initial_lr);
  set("milestones", s.milestones, p.milestones);
  set("gamma", s.gamma, p.gamma);
  set("fresh-momentum", s.fresh_momentum, p.fresh_momentum);
  set("nesterov", s.optimizer.nesterov, p.nesterov);
  set("weight-decay", s.optimizer.weight_decay, p.weight_decay);
  set("warmup-epochs", s.warmup_epochs, p.warmup_epochs);
  set("pad-mode", s.augment.pad_mode, p.pad_mode);
  set("rotation", s.augment.rotation, p.rotation);
}

StudentOptions distillation_options(const DistillSettings& s, const ImageDataset& train) {
  // Batches an epoch as the task counts them: an incomplete one is kept, a single image is not.
  const dim_t batch = std::max<dim_t>(1, s.batch_size);
  const dim_t per_epoch = train.count / batch + dim_t(train.count % batch > 1);
  const auto steps = [&](double epochs) { return dim_t(std::llround(epochs * double(per_epoch))); };
  StudentOptions o;
  o.method = s.method;
  o.optimizer = optimizer_options(s.optimizer);
  o.schedule.kind = parse_schedule(s.schedule);
  o.schedule.base_lr = s.optimizer.lr;
  o.schedule.gamma = s.gamma;
  o.schedule.warmup_steps = steps(s.warmup_epochs);
  for (const double epoch : s.milestones) o.schedule.milestones.push_back(steps(epoch));
  o.fresh_momentum = s.fresh_momentum;
  o.batches.batch_size = s.batch_size;
  o.batches.seed = s.common.seed;
  o.batches.augment = augment_options(s.augment);
  o.strong = o.batches.augment;
  constexpr int kStrongOperations = 2;  // mlkd's
  if (train.channels == 3)
    o.strong.operations = std::max(o.strong.operations, kStrongOperations);
  else
    o.strong.cutout = std::max(o.strong.cutout, int(train.height) / 4);
  o.epochs = s.epochs;
  o.initial_epochs = s.initial_epochs;
  o.initial_lr = s.initial_lr;
  return o;
}

}  // namespace engram::apps
