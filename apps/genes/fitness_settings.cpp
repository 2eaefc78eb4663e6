#include "apps/genes/fitness_settings.h"

#include "models/genes/treatment_weighting.h"

namespace engram::apps {

void add_filter_settings(Cli& cli, FitnessSettings& s) {
  cli.group("Filter");
  cli.option("from-cox", &s.from_cox, "Best genes of the Cox screen").at_least(0).at_most(128);
  cli.option("from-aft", &s.from_aft, "Best genes of the log-time screen").at_least(0).at_most(128);
  cli.option("filter", &s.filter, "Candidates at most").at_least(1).at_most(128);
}

void add_fitness_settings(Cli& cli, FitnessSettings& s) {
  std::vector<std::string> fitness = {"auto"};
  for (const std::string& name : genes::fitness_names()) fitness.push_back(name);
  cli.option("fitness", &s.fitness, "What a set of genes is worth; auto: f3 for Cox, f4 for log time").choices(fitness);
  cli.option("weights", &s.weights,
             "Weights of the patients in the fitness, by their propensity to be treated; stabilized: inverse, overlap: "
             "that of the other treatment")
      .choices(genes::weighting_names());
  cli.option("adjust-prognostic", &s.adjust_prognostic, "Adjust for genes that matter with or without treatment");
}

genes::FilterOptions filter_options(const FitnessSettings& s) {
  genes::FilterOptions options;
  options.from_cox = s.from_cox;
  options.from_aft = s.from_aft;
  options.at_most = s.filter;
  return options;
}

std::optional<genes::Fitness> chosen_fitness(const FitnessSettings& s) {
  if (s.fitness == "auto") return std::nullopt;
  return genes::parse_fitness(s.fitness);
}

}  // namespace engram::apps
