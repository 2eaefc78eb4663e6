#include "models/genes/search/particle_swarm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "kernels/common/error.h"
#include "models/genes/search/search_random.h"

namespace engram::genes {
namespace {

constexpr double kLargestVelocity = 4;

struct Particle {
  GeneSet place, best;
  double fitness = 0, best_fitness = 0;
  std::vector<double> velocity;
};

/// Inertia and the pulls towards a particle's own best and the swarm's.
struct Forces {
  double inertia, own, swarm;
};

constexpr int kKick = 3;
constexpr std::array<Forces, 4> kActions = {{{0.9, 2.5, 0.5}, {0.65, 1.5, 1.5}, {0.4, 0.5, 2.5}, {0.65, 1.5, 1.5}}};

/// The learner of 3.9. Rates fall linearly over the iterations.
class ForceLearner {
 public:
  int choose(int state, double progress, SearchRandom& random) {
    const double epsilon = 0.5 + (0.05 - 0.5) * progress;
    if (random.chance(epsilon)) return random.below(int(kActions.size()));
    const auto& row = table_[std::size_t(state)];
    return int(std::max_element(row.begin(), row.end()) - row.begin());
  }

  void learn(int state, int action, double reward, int next, double progress) {
    const double alpha = 0.9 + (0.1 - 0.9) * progress;
    const auto& row = table_[std::size_t(next)];
    double& value = table_[std::size_t(state)][std::size_t(action)];
    value += alpha * (reward + 0.8 * *std::max_element(row.begin(), row.end()) - value);
  }

 private:
  std::array<std::array<double, kActions.size()>, 6> table_{};
};

class ParticleSwarm {
 public:
  ParticleSwarm(SubsetEvaluator& evaluator, const SwarmOptions& options, std::uint64_t seed)
      : evaluator_(evaluator), options_(options), m_(evaluator.num_genes()), random_(seed) {}

  void run(const std::function<bool()>& stop) {
    start();
    ForceLearner learner;
    for (int it = 0; it < options_.iterations && !evaluator_.done() && !(stop && stop()); ++it) {
      const double progress = double(it) / std::max(1, options_.iterations - 1);
      if (!options_.learning) {
        move({0.9 + (0.4 - 0.9) * progress, 2, 2});
        continue;
      }
      const int before = state(), action = learner.choose(before, progress, random_);
      const double old_best = best_fitness_;
      if (action == kKick) kick();
      const double improved = move(kActions[std::size_t(action)]);
      const bool gained = best_fitness_ > old_best;
      quiet_ = gained ? 0 : quiet_ + 1;
      const double gain = (best_fitness_ - old_best) / std::max(std::abs(old_best), 1e-12);
      learner.learn(before, action, gained ? 100 * gain : -0.1 + improved, state(), progress);
    }
  }

 private:
  void start() {
    particles_.resize(std::size_t(options_.particles));
    for (Particle& p : particles_) {
      p.place = random_.set_of_density(m_, options_.start_density);
      p.velocity.assign(std::size_t(m_), 0);
    }
    evaluate();
    for (Particle& p : particles_) {
      p.best = p.place;
      p.best_fitness = p.fitness;
    }
    find_best();
  }

  void evaluate() {
    std::vector<GeneSet> sets;
    for (const Particle& p : particles_) sets.push_back(p.place);
    const std::vector<double> values = evaluator_.evaluate(sets, best_);
    for (std::size_t i = 0; i < values.size(); ++i) particles_[i].fitness = values[i];
  }

  void find_best() {
    for (const Particle& p : particles_) {
      if (!best_.empty() && p.best_fitness <= best_fitness_) continue;
      best_ = p.best;
      best_fitness_ = p.best_fitness;
    }
  }

  /// Moves all particles; returns the share of those that beat their own best.
  double move(const Forces& forces) {
    for (Particle& p : particles_) move_particle(p, forces);
    evaluate();
    int improved = 0;
    for (Particle& p : particles_) {
      if (!(p.fitness > p.best_fitness)) continue;
      ++improved;
      p.best = p.place;
      p.best_fitness = p.fitness;
    }
    find_best();
    return double(improved) / double(particles_.size());
  }

  void move_particle(Particle& p, const Forces& f) {
    for (int gene = 0; gene < m_; ++gene) {
      const double x = p.place.contains(gene), own = p.best.contains(gene), swarm = best_.contains(gene);
      double& v = p.velocity[std::size_t(gene)];
      const double pull_own = f.own * random_.uniform() * (own - x);
      const double pull_swarm = f.swarm * random_.uniform() * (swarm - x);
      v = std::clamp(f.inertia * v + pull_own + pull_swarm, -kLargestVelocity, kLargestVelocity);
      const bool on = options_.transfer == Transfer::kS ? random_.chance(1 / (1 + std::exp(-v)))
                                                        : (x != 0) != random_.chance(std::abs(std::tanh(v)));
      if (on != p.place.contains(gene)) p.place.flip(gene);
    }
    if (p.place.empty()) p.place = random_.set_of_density(m_, options_.start_density);
  }

  /// Puts the worst fifth of the particles around the swarm's best, with a tenth of the bits flipped.
  void kick() {
    std::vector<std::size_t> order(particles_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [this](std::size_t a, std::size_t b) { return particles_[a].fitness < particles_[b].fitness; });
    for (std::size_t i = 0; i < (order.size() + 4) / 5; ++i) {
      Particle& p = particles_[order[i]];
      p.place = best_;
      for (int gene = 0; gene < m_; ++gene)
        if (random_.chance(0.1)) p.place.flip(gene);
      p.velocity.assign(p.velocity.size(), 0);
    }
  }

  int state() const {
    double total = 0;
    const std::size_t n = particles_.size();
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < i; ++j) total += particles_[i].place.distance(particles_[j].place);
    const double pairs = std::max(1.0, double(n) * double(n - 1) / 2), mean = total / pairs / m_;
    return (quiet_ < 3 ? 0 : 3) + (mean < 0.1 ? 0 : mean <= 0.25 ? 1 : 2);
  }

  SubsetEvaluator& evaluator_;
  const SwarmOptions& options_;
  int m_;
  SearchRandom random_;
  std::vector<Particle> particles_;
  GeneSet best_;
  double best_fitness_ = 0;
  int quiet_ = 0;  // iterations since the best improved
};

}  // namespace

SwarmOptions plain_swarm_options() {
  SwarmOptions options;
  options.transfer = Transfer::kS;
  options.learning = false;
  return options;
}

void run_particle_swarm(SubsetEvaluator& evaluator, const SwarmOptions& options, std::uint64_t seed,
                        const std::function<bool()>& stop) {
  if (options.particles < 2 || options.iterations < 1)
    throw UsageError(message("[particle_swarm] expected at least 2 particles and 1 iteration, got ", options.particles,
                             " and ", options.iterations));
  if (!(options.start_density > 0 && options.start_density <= 1))
    throw UsageError(message("[particle_swarm] expected a start density in (0, 1], got ", options.start_density));
  ParticleSwarm(evaluator, options, seed).run(stop);
}

}  // namespace engram::genes
