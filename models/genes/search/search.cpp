#include "models/genes/search/search.h"

#include <algorithm>
#include <limits>

#include "kernels/common/error.h"
#include "models/genes/search/annealing.h"
#include "models/genes/search/climb.h"
#include "models/genes/search/genetic.h"
#include "models/genes/search/particle_swarm.h"
#include "models/genes/search/random_search.h"
#include "models/genes/search/search_random.h"

namespace engram::genes {
namespace {

/// Far more iterations than any budget lasts.
constexpr int kEndless = std::numeric_limits<int>::max() / 2;

/// Climbs from random sets until the budget ends.
void run_climbs(SubsetEvaluator& evaluator, const SearchRequest& request) {
  SearchRandom random(request.seed);
  while (!evaluator.done() && !(request.stop && request.stop()))
    climb(evaluator, random.set_of_density(evaluator.num_genes(), 0.2));
}

void run_swarm(SubsetEvaluator& evaluator, SwarmOptions options, const SearchRequest& request) {
  // The settings of both swarms follow the share of iterations that are done; the budget says how many there will be.
  if (request.until_budget) options.iterations = int(std::max<std::int64_t>(1, evaluator.budget() / options.particles));
  run_particle_swarm(evaluator, options, request.seed, request.stop);
}

QbsoOptions qbso_of(const std::string& method) {
  QbsoOptions options = method == "qbso-team" ? team_qbso_options() : QbsoOptions{};
  if (method == "qbso-improved") options.variants = improved_qbso_variants();
  if (method == "qbso-greedy") options.variants = greedy_qbso_variants();
  options.learning = method != "bso";
  return options;
}

}  // namespace

const std::vector<std::string>& search_names() {
  static const std::vector<std::string> names = {
      "qbso",    "qbso-team", "qbso-improved", "qbso-greedy",    "bso",     "bpso-q", "bpso",
      "genetic", "annealing", "random-10",     "random-density", "forward", "climb"};
  return names;
}

std::vector<double> run_qbso_search(SubsetEvaluator& evaluator, QbsoOptions options, bool with_polish,
                                    const SearchRequest& request) {
  options.filter_scores = request.filter_scores;
  if (request.until_budget) options.iterations = kEndless;
  if (!with_polish) return run_qbso(evaluator, options, request.seed, request.stop).usage;
  // Forward selection comes first, with all of the budget if it needs that; the swarm finds its sets in the cache.
  if (options.variants.greedy_start) forward_selection(evaluator);
  // The polish may take up to two fifths of what is left.
  const std::int64_t reserve = (evaluator.budget() - evaluator.evaluations()) * 2 / 5;
  evaluator.extend(-reserve);
  const std::vector<double> usage = run_qbso(evaluator, options, request.seed, request.stop).usage;
  evaluator.extend(reserve);
  polish(evaluator, evaluator.best());
  return usage;
}

std::vector<double> run_search(SubsetEvaluator& evaluator, const SearchRequest& request) {
  const std::string& method = request.method;
  if (std::ranges::find(search_names(), method) == search_names().end())
    throw UsageError(message("[search] expected a search such as qbso-greedy, got '", method, "'"));
  if (method == "bso" || method.starts_with("qbso")) {
    const bool with_polish = method == "qbso-improved" || method == "qbso-greedy";
    return run_qbso_search(evaluator, qbso_of(method), with_polish, request);
  }
  if (method == "bpso-q") {
    run_swarm(evaluator, {}, request);
  } else if (method == "bpso") {
    run_swarm(evaluator, plain_swarm_options(), request);
  } else if (method == "genetic") {
    GeneticOptions options;
    if (request.until_budget) options.generations = kEndless;
    run_genetic(evaluator, options, request.seed, request.stop);
  } else if (method == "annealing") {
    run_annealing(evaluator, {}, request.seed, request.stop);
  } else if (method == "random-10" || method == "random-density") {
    run_random_search(evaluator, method == "random-10" ? 10 : 0, 0.2, request.seed, request.stop);
  } else if (method == "forward") {
    forward_selection(evaluator);
  } else {
    run_climbs(evaluator, request);
  }
  return {};
}

}  // namespace engram::genes
