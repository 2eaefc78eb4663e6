#include "apps/common/ood_training.h"

#include <algorithm>
#include <ostream>

#include "apps/common/classifier_of_run.h"
#include "models/component.h"
#include "models/load_body.h"
#include "models/methods/ood/ood_registry.h"
#include "models/nets/make_network.h"
#include "models/nets/two_branch.h"

namespace engram::apps {
namespace {

/// Different second labels that the method sees.
int num_contexts(const std::string& method, const EnvironmentSource& source) {
  const Component component = parse_component(ood_registry().canonical(method));
  const auto context = component.settings.find("context");
  if (context != component.settings.end() && context->second == SettingValue(std::string("environment")))
    return int(source.num_environments());
  return source.num_contexts();
}

/// The network's name that the method asks for: of an environment's images in a step where it wants to know them.
std::string network_name(const OodSettings& s, int contexts, dim_t images) {
  return ood_network(s.method, s.arch, contexts, s.batch_size > 0 ? s.batch_size : images);
}

std::unique_ptr<Network> make_ood_network(const OodSettings& s, const EnvironmentSource& source,
                                          const ImageDataset& images, const Device& device) {
  const std::string arch = network_name(s, num_contexts(s.method, source), images.count);
  if (s.binary_logit && source.num_classes() != 2)
    throw UsageError(message("--binary-logit: expected two classes, got ", source.num_classes()));
  if (s.binary_logit && arch != s.arch)
    throw UsageError(message("--binary-logit: expected a method that trains the network as it is, got ", s.method,
                             ", whose network is ", arch));
  return make_network(arch, s.binary_logit ? 1 : source.num_classes(),
                      {.seed = s.common.seed, .device = device, .image = images.shape()});
}

void start_from(const OodSettings& s, Network& network, std::ostream* remarks) {
  auto* branches = dynamic_cast<TwoBranchNetwork*>(&network);
  const std::vector<std::string> said =
      load_body(classifier_file(s.init), branches != nullptr ? branches->body() : network);
  if (remarks == nullptr) return;
  for (const std::string& line : said) *remarks << "--init: " << line << "\n";
}

/// Context labels where the method needs them, said before a network is built for none.
void check_contexts(const OodSettings& s, const EnvironmentSource& source) {
  const bool branches = parse_component(network_name(s, 2, 2)).name == "two-branch";
  if ((branches || ood_registry().needs(s.method).contexts) && num_contexts(s.method, source) < 2)
    throw UsageError(message("--method ", s.method, ": expected images with context labels of at least 2 kinds, got ",
                             num_contexts(s.method, source), "; hint: --contexts environment"));
}

/// Means over the environments of a part.
struct PartMeans {
  double loss = 0, accuracy = 0;
};

/// Evaluates each environment, and adds its accuracy to the scores where there are some.
PartMeans evaluate_part(Network& network, const char* part, const Environments& environments, OodScores* scores) {
  PartMeans means;
  for (const Environment& e : environments) {
    const Evaluation result = evaluate(network, e.images);
    if (scores != nullptr) scores->each.emplace_back(message(part, "/", e.name, "/accuracy"), result.accuracy());
    means.loss += result.mean_loss / double(environments.size());
    means.accuracy += result.accuracy() / double(environments.size());
  }
  return means;
}

OodChoice chosen(const OodScores& scores) {
  return {scores.step, scores.validation, scores.test};
}

}  // namespace

OodChoice choose_by_training_domains(const std::vector<OodScores>& history) {
  const OodScores* best = &history.front();
  for (const OodScores& scores : history)
    if (scores.validation >= best->validation) best = &scores;
  return chosen(*best);
}

OodChoice choose_by_oracle(const std::vector<OodScores>& history) {
  const OodScores* best = &history.front();
  for (const OodScores& scores : history)
    if (scores.test > best->test) best = &scores;
  return chosen(*best);
}

OodTraining::OodTraining(const OodSettings& s, const OodData& data, const Device& device, std::ostream* remarks)
    : data_(data), averages_(s.average != "none") {
  source_ = std::make_unique<EnvironmentStager>(data.train, environment_plan(s), device);
  check_contexts(s, *source_);
  network_ = make_ood_network(s, *source_, data.train.front().images, device);
  if (!s.init.empty()) start_from(s, *network_, remarks);
  const OodOptions options = ood_options(s);
  task_ = ood_registry().make(s.method, {*network_, *source_, options});
}

OodScores OodTraining::evaluate(dim_t step) {
  const Environments& held = data_.validation.empty() ? data_.train : data_.validation;
  if (averages_) {
    const PartMeans own = evaluate_part(*network_, "", held, nullptr);
    task_->validated(step, own.loss, own.accuracy);
  }
  OodScores scores;
  scores.step = step;
  Network& network = task_->deployed();
  const PartMeans train = evaluate_part(network, "train", data_.train, &scores);
  const PartMeans validation =
      data_.validation.empty() ? train : evaluate_part(network, "validation", data_.validation, &scores);
  scores.train = train.accuracy;
  scores.validation = validation.accuracy;
  scores.validation_loss = validation.loss;
  scores.test = evaluate_part(network, "test", data_.test, &scores).accuracy;
  evaluate_part(network, "probe", data_.probes, &scores);
  return scores;
}

}  // namespace engram::apps
