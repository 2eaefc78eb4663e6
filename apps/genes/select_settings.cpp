#include "apps/genes/select_settings.h"

#include "kernels/common/error.h"

namespace engram::apps {

void add_select_settings(Cli& cli, SelectSettings& s) {
  add_cohort_settings(cli, s.data);
  add_entry_role(cli, s.data);
  cli.option("time-unit", &s.time_unit, "Unit of the follow-up times, for the report's axes: months, for example");
  cli.group("Pipeline");
  cli.option("mode", &s.mode,
             "default: adjusted screens, likelihood fitness, checks; team-intended, team-published: the winning team's "
             "method as described and as its published code behaves")
      .choices({"default", "team-intended", "team-published"});
  cli.option("report", &s.report, "Genes to report").at_least(1).at_most(128);
  cli.option("likelihood", &s.likelihood, "Scale of effects; auto: Cox if proportional hazards hold, else by AIC")
      .choices({"auto", "cox", "loglogistic", "lognormal", "weibull"});
  add_filter_settings(cli, s.fitness);
  cli.option("team-filter", &s.team_filter, "Team modes: genes that the joint Cox filter keeps")
      .at_least(1)
      .at_most(128);
  cli.group("Wrapper");
  add_fitness_settings(cli, s.fitness);
  cli.option("xi", &s.xi, "f3, f4: price of the number of sets of one size").at_least(0).at_most(1);
  cli.option("reward-clinical", &s.reward_clinical, "Team modes: clinical variables within the reward");
  cli.option(
         "search", &s.search,
         "Search over sets of candidates; qbso-greedy: QBSO-FS with this project's changes from forward selection's "
         "set; qbso-improved: the same from random sets; qbso, qbso-team: as published")
      .choices(genes::search_names());
  cli.option("seeds", &s.seeds, "Searches from different seeds").at_least(1).at_most(1000);
  cli.option("evaluations", &s.evaluations, "Sets evaluated in each search").at_least(1);
  cli.group("Checks");
  cli.option("splits", &s.splits, "Stability: pairs of half-samples; 0 skips it").at_least(0).at_most(10000);
  cli.option("permutations", &s.permutations, "Permutations of the family test; 0 skips it, and nothing is declared")
      .at_least(0)
      .at_most(1000000);
  cli.option("controls", &s.controls, "Repeats of the negative control, with permuted treatment; 0 skips it")
      .at_least(0)
      .at_most(1000);
  cli.option(
         "reselections", &s.reselections,
         "Replicates that repeat the whole selection, for intervals that allow for the choice; 0: no such intervals")
      .at_least(0)
      .at_most(100000);
  cli.option("robust", &s.robust, "Sandwich errors for the joint model's own intervals; --cluster implies it");
  add_cluster_role(cli, s.data);
  cli.option("bootstrap", &s.bootstrap, "Repeat everything on that many resamples of the patients; 0 skips it")
      .at_least(0)
      .at_most(100000);
  cli.option("cross-validate", &s.cross_validate,
             "Repeats of five-fold cross-validation in which the genes are selected anew in every fold; 0 skips it")
      .at_least(0)
      .at_most(1000);
  add_seed_option(cli, s.common);
  add_running_options(cli, s.common);
  add_screen_device(cli, s.common);
  add_resumable_run_options(cli, s.common);
}

void require_device_can(const SelectSettings& s) {
  if (s.common.device == "cpu") return;
  if (s.mode != "default")
    throw UsageError("--device: expected cpu with --mode " + s.mode + ", whose filter is one joint model, got " +
                     s.common.device);
  if (!s.data.entry.empty())
    throw UsageError("--device: expected cpu with --entry, which the screens' kernels do not know, got " +
                     s.common.device);
}

genes::PipelineOptions pipeline_options(const SelectSettings& s) {
  genes::PipelineOptions o;
  o.mode = genes::parse_mode(s.mode);
  o.seed = s.common.seed;
  o.genes = int(s.report);
  if (s.likelihood != "auto") o.likelihood = genes::parse_likelihood(s.likelihood);
  o.fitness = chosen_fitness(s.fitness);
  o.weighting = genes::parse_weighting(s.fitness.weights);
  o.xi = s.xi;
  o.filter = filter_options(s.fitness);
  o.wrapper.search = s.search;
  o.wrapper.seeds = int(s.seeds);
  o.wrapper.evaluations = s.evaluations;
  o.adjust_prognostic = s.fitness.adjust_prognostic;
  o.reward_clinical = s.reward_clinical;
  o.team_filter = s.team_filter;
  o.stability_splits = int(s.splits);
  o.permutations = int(s.permutations);
  o.negative_controls = int(s.controls);
  o.reselections = int(s.reselections);
  o.robust = s.robust;
  return o;
}

}  // namespace engram::apps
