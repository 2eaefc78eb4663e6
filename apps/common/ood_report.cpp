#include "apps/common/ood_report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/common/html.h"
#include "apps/common/run_metrics.h"
#include "apps/common/sealed_json.h"
#include "apps/common/text_format.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "models/component.h"
#include "models/methods/ood/ood_registry.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 24;

/// A line of the tables: what was chosen, and what it reaches.
std::string choice_line(const std::string& rule, const std::string& what, double validation, double test) {
  // Spaces of their own between the columns: what fills its column does not run into the next.
  return padded(rule, 46) + "  " + padded(what, 10) + "  " + padded("validation " + percent_text(validation), 20) +
         "  test " + percent_text(test) + "\n";
}

Json to_json(const OodTrial& t) {
  Json json = {{"method", t.method},
               {"lr", t.lr},
               {"weight_decay", t.weight_decay},
               {"batch_size", t.batch_size},
               {"step", t.last.step},
               {"train", t.last.train},
               {"validation", t.last.validation},
               {"test", t.last.test},
               {"selected_step", t.selected.step},
               {"selected_validation", t.selected.validation},
               {"selected_test", t.selected.test}};
  if (t.left_out) json["left_out"] = *t.left_out;
  return json;
}

OodTrial from_json(const Json& json) {
  OodTrial t;
  t.method = json.at("method");
  t.lr = json.at("lr");
  t.weight_decay = json.at("weight_decay");
  t.batch_size = json.at("batch_size");
  t.last.step = json.at("step");
  t.last.train = json.at("train");
  t.last.validation = json.at("validation");
  t.last.test = json.at("test");
  t.selected = {json.at("selected_step"), json.at("selected_validation"), json.at("selected_test")};
  if (json.contains("left_out")) t.left_out = json.at("left_out").get<double>();
  return t;
}

/// The trial with the largest value; the first of equals.
template <class Value>
std::size_t best_by(const std::vector<OodTrial>& trials, Value value) {
  std::size_t best = 0;
  for (std::size_t t = 1; t < trials.size(); ++t)
    if (value(trials[t]) > value(trials[best])) best = t;
  return best;
}

std::string spread_line(RunDir& dir, const std::vector<OodTrial>& trials) {
  double mean = 0, square = 0, low = 1, high = 0;
  for (const OodTrial& t : trials) {
    mean += t.last.test / double(trials.size());
    square += t.last.test * t.last.test / double(trials.size());
    low = std::min(low, t.last.test);
    high = std::max(high, t.last.test);
  }
  const double deviation = std::sqrt(std::max(0.0, square - mean * mean));
  dir.set_fact("trials_test_accuracy_mean", mean);
  dir.set_fact("trials_test_deviation", deviation);
  dir.set_fact("trials_test_accuracy_lowest", low);
  dir.set_fact("trials_test_accuracy_highest", high);
  return message("test over ", trials.size(), " trials after the last step: ", percent_text(mean), " +- ",
                 percent_text(deviation), ", from ", percent_text(low), " to ", percent_text(high), "\n");
}

}  // namespace

void write_ood_scores(RunDir& dir, const OodScores& scores) {
  std::vector<io::JsonField> fields = {{"train/accuracy_all", scores.train},
                                       {"validation/accuracy", scores.validation},
                                       {"validation/loss", scores.validation_loss},
                                       {"test/accuracy", scores.test}};
  for (const auto& [name, accuracy] : scores.each) fields.push_back({name, accuracy});
  dir.metrics(scores.step, fields);
}

std::string ood_scores_text(const OodScores& scores) {
  std::string text = message("step ", scores.step + 1);
  for (const auto& [name, accuracy] : scores.each)
    text += message("  ", name.substr(0, name.rfind('/')), " ", percent_text(accuracy));
  return text;
}

std::vector<OodScores> read_ood_history(const std::filesystem::path& metrics, dim_t steps, dim_t every) {
  const std::map<std::string, double OodScores::*> members = {{"train/accuracy_all", &OodScores::train},
                                                              {"validation/accuracy", &OodScores::validation},
                                                              {"validation/loss", &OodScores::validation_loss},
                                                              {"test/accuracy", &OodScores::test}};
  std::map<dim_t, OodScores> by_step;
  std::map<dim_t, std::size_t> found;  // members of each step
  for (const ChartSeries& series : read_run_metrics(metrics).series) {
    const auto member = members.find(series.name);
    if (member == members.end()) continue;
    for (const ChartPoint& point : series.points) {
      OodScores& scores = by_step[dim_t(point.step)];
      scores.step = dim_t(point.step);
      scores.*member->second = point.value;
      const bool possible = point.value >= 0 && (point.value <= 1 || member->second == &OodScores::validation_loss);
      if (possible) ++found[scores.step];
    }
  }
  std::vector<OodScores> history;
  for (dim_t step = every - 1; step < steps; step += every) {
    if (found[step] != members.size())
      throw DataError(message(metrics.string(), ": expected the evaluation after step ", step + 1,
                              " of the run that goes on, got none that is whole; hint: start anew with --force"));
    history.push_back(by_step[step]);
  }
  return history;
}

double augmentation_step(const std::string& method) {
  const std::string canonical = ood_registry().canonical(method);
  const Component component = parse_component(canonical);
  const auto step = component.settings.find("aug_eps");
  if (step == component.settings.end()) return 1;
  if (const auto* whole = std::get_if<std::int64_t>(&step->second)) return double(*whole);
  return std::get<double>(step->second);
}

std::string conclude_training(RunDir& dir, const std::vector<OodScores>& history, const OodData& data) {
  const OodScores& last = history.back();
  const OodChoice selected = choose_by_training_domains(history), oracle = choose_by_oracle(history);
  dir.set_fact("train_accuracy", last.train);
  dir.set_fact("validation_accuracy", last.validation);
  dir.set_fact("test_accuracy", last.test);
  dir.set_fact("selected_by_training_environments_step", selected.step + 1);
  dir.set_fact("selected_by_training_environments_test_accuracy", selected.test);
  dir.set_fact("oracle_step", oracle.step + 1);
  dir.set_fact("oracle_test_accuracy", oracle.test);
  // Behind the last step, so that a run which goes on from there writes it anew.
  dir.metrics(last.step + 1, {{"selected/test_accuracy", selected.test}, {"oracle/test_accuracy", oracle.test}});
  const auto at = [](dim_t step) { return message("step ", step + 1); };
  const std::string held = data.validation.empty() ? "training images (none held back)" : "training environments";
  return choice_line("after the last step", at(last.step), last.validation, last.test) +
         choice_line("chosen by the " + held, at(selected.step), selected.validation, selected.test) +
         choice_line("chosen by the test itself: an oracle", at(oracle.step), oracle.validation, oracle.test);
}

void write_ood_trials(const std::filesystem::path& file, const std::vector<OodTrial>& trials) {
  Json list = Json::array();
  for (const OodTrial& t : trials) list.push_back(to_json(t));
  io::write_file(file, sealed_text({{"trials", list}}));
}

std::vector<OodTrial> read_ood_trials(const std::filesystem::path& file) {
  const io::Bytes bytes = io::read_file(file, kMaxBytes);
  std::vector<OodTrial> trials;
  try {
    const Json json = unsealed(io::as_text(bytes)).value();
    for (const Json& one : json.at("trials")) trials.push_back(from_json(one));
  } catch (const std::exception&) {  // no sealed object, or another one
    throw DataError(message(file.string(), ": expected the list of trials that the run wrote, got something else; ",
                            "hint: delete the file, --resume makes them again"));
  }
  return trials;
}

void write_ood_trial(RunDir& dir, int number, const OodTrial& t) {
  std::vector<io::JsonField> fields = {{"train/accuracy", t.last.train},
                                       {"validation/accuracy", t.last.validation},
                                       {"test/accuracy", t.last.test},
                                       {"selected/test_accuracy", t.selected.test},
                                       {"setting/lr", t.lr}};
  if (t.left_out) fields.push_back({"left_out/accuracy", *t.left_out});
  dir.metrics(number, fields);
}

std::string conclude_trials(RunDir& dir, const std::vector<OodTrial>& trials) {
  const auto at = [](std::size_t trial) { return message("trial ", trial + 1); };
  std::string text;
  const std::size_t chosen = best_by(trials, [](const OodTrial& t) { return t.selected.validation; });
  dir.set_fact("selected_by_training_environments_trial", dim_t(chosen) + 1);
  dir.set_fact("selected_by_training_environments_test_accuracy", trials[chosen].selected.test);
  text += choice_line("chosen by the training environments", at(chosen), trials[chosen].selected.validation,
                      trials[chosen].selected.test);
  if (trials.front().left_out) {
    const std::size_t left = best_by(trials, [](const OodTrial& t) { return t.left_out.value_or(0); });
    dir.set_fact("selected_by_leaving_out_trial", dim_t(left) + 1);
    dir.set_fact("selected_by_leaving_out_test_accuracy", trials[left].last.test);
    text +=
        choice_line("chosen by leaving each environment out", at(left), *trials[left].left_out, trials[left].last.test);
  }
  const std::size_t oracle = best_by(trials, [](const OodTrial& t) { return t.last.test; });
  dir.set_fact("oracle_trial", dim_t(oracle) + 1);
  dir.set_fact("oracle_test_accuracy", trials[oracle].last.test);
  text += choice_line("chosen by the test itself: an oracle", at(oracle), trials[oracle].last.validation,
                      trials[oracle].last.test);
  return text + spread_line(dir, trials);
}

}  // namespace engram::apps
