#pragma once
/// Binary particle swarms: the plain one (Kennedy and Eberhart 1997) and one whose settings a Q-learner chooses
/// (docs/methods/genes.md, "Particle swarm with a Q-learner").

#include <cstdint>
#include <functional>

#include "models/genes/search/subset_evaluator.h"

namespace engram::genes {

/// How a velocity becomes a bit (Mirjalili and Lewis 2013).
enum class Transfer {
  kS,  ///< the bit is 1 with probability 1 / (1 + e^-v)
  kV,  ///< the bit flips with probability |tanh v|
};

struct SwarmOptions {
  int particles = 30, iterations = 100;
  Transfer transfer = Transfer::kV;
  bool learning = true;        ///< false: inertia 0.9 down to 0.4 and c1 = c2 = 2, without a learner
  double start_density = 0.2;  ///< of the particles' first sets
};

/// Plain binary particle swarm: no learner, S-shaped transfer.
SwarmOptions plain_swarm_options();

/// Searches until `options.iterations` are done or evaluator.done(). Velocities stay within +-4. With the learner,
/// a table over (best improved in the last three iterations?) x (mean pairwise distance below 0.1, 0.25, above) picks
/// one of explore, balance, exploit and kick in every iteration. An empty position becomes a random one. The best set
/// is the evaluator's. Same seed, same result, at any number of threads. Throws UsageError for settings out of range.
void run_particle_swarm(SubsetEvaluator& evaluator, const SwarmOptions& options, std::uint64_t seed,
                        const std::function<bool()>& stop = {});

}  // namespace engram::genes
