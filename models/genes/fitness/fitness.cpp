#include "models/genes/fitness/fitness.h"

#include <array>

#include "kernels/common/error.h"
#include "models/genes/fitness/arm_contrast.h"
#include "models/genes/fitness/held_out.h"
#include "models/genes/fitness/likelihood_gain.h"

namespace engram::genes {
namespace {

constexpr std::array<const char*, 7> kNames = {"f1", "f1-first10", "f2", "f3", "f4", "f5", "f6"};

}  // namespace

const char* fitness_name(Fitness fitness) {
  return kNames[std::size_t(fitness)];
}

Fitness parse_fitness(const std::string& name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (name == kNames[i]) return Fitness(i);
  throw UsageError(message("[genes] expected a fitness f1, f1-first10, f2, f3, f4, f5 or f6, got '", name, "'"));
}

const std::vector<std::string>& fitness_names() {
  static const std::vector<std::string> names(kNames.begin(), kNames.end());
  return names;
}

std::unique_ptr<SubsetObjective> make_fitness(const Cohort& cohort, const std::vector<dim_t>& candidates,
                                              const FitnessOptions& options) {
  if (candidates.empty() || dim_t(candidates.size()) > GeneSet::kMaxGenes)
    throw UsageError(
        message("[genes] expected 1 to ", GeneSet::kMaxGenes, " candidate genes, got ", candidates.size()));
  switch (options.kind) {
    case Fitness::kArmContrast:
    case Fitness::kArmContrastFirst10:
    case Fitness::kArmContrastZ:
      return std::make_unique<ArmContrastObjective>(cohort, candidates, options);
    case Fitness::kCoxEbic:
    case Fitness::kAftEbic:
      return std::make_unique<LikelihoodGainObjective>(cohort, candidates, options);
    case Fitness::kHeldOutConcordance:
    case Fitness::kHeldOutLikelihood:
      return std::make_unique<HeldOutObjective>(cohort, candidates, options);
  }
  throw UsageError("[genes] expected a fitness, got an unknown value");
}

}  // namespace engram::genes
