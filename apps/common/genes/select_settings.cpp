#include "apps/common/genes/select_settings.h"

namespace engram::apps {

void add_select_settings(Cli& cli, SelectSettings& s) {
  add_data_settings(cli, s.data);
  cli.group("Pipeline");
  cli.option("mode", &s.mode,
             "default: adjusted screens, likelihood fitness, checks; team-intended, team-published: the winning team's "
             "method as described and as its published code behaves")
      .choices({"default", "team-intended", "team-published"});
  cli.option("report", &s.report, "Genes to report").at_least(1).at_most(128);
  cli.option("likelihood", &s.likelihood, "Scale of effects; auto: Cox if proportional hazards hold, else by AIC")
      .choices({"auto", "cox", "loglogistic", "lognormal", "weibull"});
  cli.option("adjust-prognostic", &s.adjust_prognostic, "Adjust for genes that matter with or without treatment");
  cli.group("Filter");
  cli.option("from-cox", &s.from_cox, "Best genes of the Cox screen").at_least(0).at_most(128);
  cli.option("from-aft", &s.from_aft, "Best genes of the log-time screen").at_least(0).at_most(128);
  cli.option("filter", &s.filter, "Candidates at most").at_least(1).at_most(128);
  cli.option("team-filter", &s.team_filter, "Team modes: genes that the joint Cox filter keeps")
      .at_least(1)
      .at_most(128);
  cli.group("Wrapper");
  std::vector<std::string> fitness = {"auto"};
  for (const std::string& name : genes::fitness_names()) fitness.push_back(name);
  cli.option("fitness", &s.fitness, "What a set of genes is worth; auto: f3 for Cox, f4 for log time").choices(fitness);
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
  cli.option("permutations", &s.permutations, "Permutation test; 0 skips it").at_least(0).at_most(1000000);
  cli.option("controls", &s.controls, "Negative controls with permuted treatment; 0 skips them")
      .at_least(0)
      .at_most(1000);
  add_common_options(cli, s.common);
  add_run_options(cli, s.common);
}

genes::PipelineOptions pipeline_options(const SelectSettings& s) {
  genes::PipelineOptions o;
  o.mode = genes::parse_mode(s.mode);
  o.seed = s.common.seed;
  o.genes = int(s.report);
  if (s.likelihood != "auto") o.likelihood = genes::parse_likelihood(s.likelihood);
  if (s.fitness != "auto") o.fitness = genes::parse_fitness(s.fitness);
  o.xi = s.xi;
  o.filter.from_cox = s.from_cox;
  o.filter.from_aft = s.from_aft;
  o.filter.at_most = s.filter;
  o.wrapper.search = s.search;
  o.wrapper.seeds = int(s.seeds);
  o.wrapper.evaluations = s.evaluations;
  o.adjust_prognostic = s.adjust_prognostic;
  o.reward_clinical = s.reward_clinical;
  o.team_filter = s.team_filter;
  o.stability_splits = int(s.splits);
  o.permutations = int(s.permutations);
  o.negative_controls = int(s.controls);
  return o;
}

}  // namespace engram::apps
