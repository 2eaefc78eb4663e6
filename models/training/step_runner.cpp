#include "models/training/step_runner.h"

#include "engine/profiler.h"

namespace engram {
namespace {

/// Collects the random streams of a task.
class FindGenerators : public StateVisitor {
 public:
  using StateVisitor::visit;
  void visit(const std::string&, Generator& generator) override { found.push_back(&generator); }
  void visit(const std::string&, const Tensor&) override {}
  void visit(const std::string&, std::vector<std::int64_t>&) override {}
  void visit(const std::string&, std::vector<double>&) override {}

  std::vector<Generator*> found;
};

}  // namespace

StepRunner::StepRunner(TrainingTask& task, bool capture) : task_(task), capture_(capture && !task.device().is_cpu()) {
  if (!capture_) return;
  FindGenerators visitor;
  task.visit_state(visitor);
  generators_ = std::move(visitor.found);
}

void StepRunner::run(dim_t step) {
  task_.stage(step);
  if (capture_ && !profiler::enabled())
    replay(phases_[task_.phase(step)]);
  else
    task_.issue();
  task_.finish(step);
  task_.meters().count_step();
}

void StepRunner::replay(Phase& phase) {
  if (!phase.work) {
    phase.work = std::make_unique<CapturedWork>(task_.device());
    phase.drawn.resize(generators_.size());
  }
  const bool repeats = phase.work->is_captured();
  std::vector<std::uint64_t> before;
  for (std::size_t i = 0; i < generators_.size(); ++i) {
    before.push_back(generators_[i]->offset());
    if (!repeats || phase.drawn[i] > 0) generators_[i]->stage(task_.device());
  }
  phase.work->run([this] { task_.issue(); });
  for (std::size_t i = 0; i < generators_.size(); ++i) {
    if (repeats)
      generators_[i]->set_offset(before[i] + phase.drawn[i]);
    else
      phase.drawn[i] = generators_[i]->offset() - before[i];
  }
}

std::size_t StepRunner::num_graph_nodes(int phase) const {
  const auto found = phases_.find(phase);
  return found == phases_.end() || !found->second.work ? 0 : found->second.work->num_nodes();
}

}  // namespace engram
