/// engram-prune: makes a classifier smaller, channel by channel, and lets it recover.

#include <cmath>
#include <filesystem>
#include <optional>

#include "apps/common/exit_code.h"
#include "apps/common/program.h"
#include "apps/common/prune_inputs.h"
#include "apps/common/pruning_results.h"
#include "apps/programs.h"
#include "engine/io/atomic_file.h"
#include "engine/stop_scope.h"
#include "models/training/evaluate.h"
#include "models/training/fit.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSparse = "sparse.safetensors";

/// What belongs to one call of the program.
struct Run {
  const PruneSettings& settings;
  Program& program;
  PruneInputs inputs;
  PruningTable table = {};
};

/// Progress of a recovery; its losses go to the run's metrics under the name of what is trained.
class RecoveryObserver : public FitObserver {
 public:
  RecoveryObserver(Run& run, const std::string& label, dim_t total)
      : run_(run), progress_(label, total, run.program.progress()) {}
  void on_step(dim_t step, const MeterValues& latest) override {
    progress_.update(step + 1, {{"loss", latest[0].value}});
  }
  bool stop_requested() override { return run_.program.stop_requested(); }
  void finish() { progress_.finish(); }

 private:
  Run& run_;
  Progress progress_;
};

/// Trains; returns false when a signal ended it.
bool recover(Run& run, Network& network, const RecoveryOptions& options, const std::string& label) {
  network.set_requires_grad(true);
  RecoveryTask task(network, run.inputs.classifier.network.get(), run.inputs.images, options);
  RecoveryObserver observer(run, label, task.total_steps());
  StepRunner runner(task, run.settings.graph);
  const FitResult result =
      fit(task, runner, {.total_steps = task.total_steps(), .steps_per_epoch = task.steps_per_epoch()}, observer);
  observer.finish();
  network.eval();
  network.set_requires_grad(false);
  return !result.interrupted;
}

/// A network of its own with the classifier's weights.
std::unique_ptr<Network> copy_of(const Network& network) {
  auto copy = make_network(network.arch(), network.num_classes(),
                           {.seed = std::nullopt, .device = network.device(), .image = network.image()});
  copy->load_state(network.state());
  copy->eval();
  return copy;
}

void save(const Run& run, PruningResults& results, const std::string& name, const Network& network,
          std::map<std::string, std::string> notes = {}) {
  for (const char* kept : {"dataset", "class_names"})
    if (const auto found = run.inputs.classifier.notes.find(kept); found != run.inputs.classifier.notes.end())
      notes.insert(*found);
  results.save(name, network, run.inputs.classifier.normalization, notes);
}

double accuracy_of(const Run& run, Network& network) {
  return evaluate(network, run.inputs.test, {.normalization = run.inputs.classifier.normalization}).accuracy();
}

/// Of a network whose loss costs nothing: a stop need not wait.
double first_accuracy_of(const Run& run, Network& network) {
  const EvaluateOptions options{
      .normalization = run.inputs.classifier.normalization,
      .observe = [](std::int32_t, std::span<const float>) { leave_if_stopped("a network was tested"); }};
  return evaluate(network, run.inputs.test, options).accuracy();
}

/// The network whose channels are ranked: the classifier, or that after sparse training, which a run that is continued
/// finds in its folder. Null when a signal ended the training.
std::unique_ptr<Network> network_to_prune(Run& run, PruningResults& results) {
  const PruneSettings& s = run.settings;
  if (s.sparse_epochs == 0) return copy_of(*run.inputs.classifier.network);
  if (results.has(kSparse)) return results.read(kSparse, run.program.device()).network;
  auto network = copy_of(*run.inputs.classifier.network);
  RecoveryOptions options = recovery_options(s);
  options.distill_weight = 0;
  options.label_weight = 1;
  options.epochs = s.sparse_epochs;
  options.schedule.base_lr = s.sparse_lr;
  options.sparsity = float(s.sparsity);
  if (!recover(run, *network, options, "sparse training")) return nullptr;
  save(run, results, kSparse, *network);
  return network;
}

PruningPoint point_of(Network& network, double ratio) {
  return {.ratio = ratio, .parameters = network.num_parameters(), .macs = count_macs(network)};
}

/// Prunes at one ratio and recovers, unless the run did so before; nothing when a signal ended it.
std::optional<PruningPoint> prune_at(Run& run, PruningResults& results, Network& whole, double ratio) {
  const std::string name = result_name(ratio);
  if (results.has(name)) {
    const Classifier done = results.read(name, run.program.device());
    PruningPoint point = point_of(*done.network, ratio);
    read_accuracies(done.notes, point);
    return point;
  }
  auto network = remove_channels(whole, channel_groups(whole), channel_masks(run.settings, whole, ratio));
  PruningPoint point = point_of(*network, ratio);
  point.pruned_accuracy = first_accuracy_of(run, *network);
  if (run.inputs.images.count > 0) {
    if (!recover(run, *network, recovery_options(run.settings), message("ratio ", ratio))) return std::nullopt;
    point.recovered_accuracy = accuracy_of(run, *network);
  }
  save(run, results, name, *network, accuracy_notes(point));
  return point;
}

void record(Run& run, RunDir& dir, const PruningPoint& point) {
  std::vector<io::JsonField> fields = {{"ratio", point.ratio},
                                       {"parameters", double(point.parameters)},
                                       {"macs", double(point.macs)},
                                       {"test/accuracy_pruned", point.pruned_accuracy},
                                       {"test/accuracy", point.recovered_accuracy.value_or(point.pruned_accuracy)}};
  dir.metrics(std::llround(1e4 * point.ratio), fields);
  run.table.points.push_back(point);
}

Outcome prune(Run& run, RunDir& dir) {
  PruningTable& table = run.table;
  Network& original = *run.inputs.classifier.network;
  table.method = run.settings.method;
  table.arch = original.arch();
  table.images = run.inputs.images.count;
  table.source = run.settings.finetune.string();
  table.parameters = original.num_parameters();
  table.macs = count_macs(original);
  table.accuracy = first_accuracy_of(run, original);
  PruningResults results(dir.path());
  const auto whole = network_to_prune(run, results);
  if (!whole) return {.stopped = "in the sparse training", .results = false};
  for (const double ratio : run.inputs.ratios) {
    const auto point = prune_at(run, results, *whole, ratio);
    if (!point) return {.stopped = message("at ratio ", ratio), .results = false};
    record(run, dir, *point);
    io::write_file(dir / kPruningFile, pruning_json(table));
  }
  dir.set_fact("parameters_before", table.parameters);
  dir.set_fact("macs_before", table.macs);
  dir.set_fact("accuracy_before", table.accuracy);
  return {.text = pruning_text(table)};
}

}  // namespace

int run_prune(Call& call) {
  PruneSettings settings;
  Cli cli(call,
          "Takes channels out of a classifier, by the gains of its normalisations or the norms of its filters, and "
          "lets it recover on real or made images: a smaller network, and its accuracy over the ratio.");
  add_prune_settings(cli, settings);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  Program program(cli, settings.common);
  Run run{settings, program, read_prune_inputs(settings, program)};
  if (program.only_checks()) return program.check();
  program.open_anew({"pruned_*.safetensors", kSparse, kFinishedFile, kPruningFile});
  return program.run([&](RunDir& dir) { return prune(run, dir); });
}

}  // namespace engram::apps
