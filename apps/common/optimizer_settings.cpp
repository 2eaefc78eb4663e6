#include "apps/common/optimizer_settings.h"

namespace engram::apps {
namespace {

void add_rates(Cli& cli, OptimizerSettings& s, const std::string& decay_help) {
  cli.option("lr", &s.lr, "Learning rate, at its highest").at_least(0);
  cli.option("momentum", &s.momentum, "Of SGD").at_least(0).at_most(1);
  cli.option("nesterov", &s.nesterov, "Nesterov's form of SGD with momentum");
  cli.option("weight-decay", &s.weight_decay, decay_help).at_least(0);
}

}  // namespace

void add_optimizer_settings(Cli& cli, OptimizerSettings& s) {
  cli.option("optimizer", &s.rule, "Update rule").choices({"sgd", "adam", "adamw"});
  add_rates(cli, s, "L2 coefficient (decoupled for adamw)");
}

void add_sgd_settings(Cli& cli, OptimizerSettings& s) {
  add_rates(cli, s, "L2 coefficient");
}

OptimizerOptions optimizer_options(const OptimizerSettings& s) {
  return {.kind = parse_optimizer(s.rule),
          .momentum = float(s.momentum),
          .nesterov = s.nesterov,
          .weight_decay = float(s.weight_decay)};
}

}  // namespace engram::apps
