#include "apps/common/evaluation_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/common/main_wrapper.h"
#include "apps/common/text_format.h"

namespace engram::apps {
namespace {

constexpr std::size_t kLargestTable = 20;
constexpr std::size_t kConfusionsShown = 10;

dim_t row_sum(const std::vector<dim_t>& row) {
  return std::accumulate(row.begin(), row.end(), dim_t{0});
}

/// `text` in a column of `width` characters, cut where it is longer; to the right or to the left.
std::string column(const std::string& text, std::size_t width, bool right) {
  const std::string cut = text.substr(0, width), space(width - cut.size(), ' ');
  return right ? space + cut : cut + space;
}

std::string class_table(const std::vector<std::string>& names, const Evaluation& result, std::size_t width) {
  std::string text = "\n" + column("class", width, false) + "   images   correct  accuracy\n";
  for (std::size_t label = 0; label < names.size(); ++label) {
    const dim_t count = row_sum(result.confusion[label]), correct = result.confusion[label][label];
    text += column(names[label], width, false) + formatted(" %8lld  %8lld", (long long)count, (long long)correct);
    text += count > 0 ? formatted("  %6.2f %%\n", 100 * double(correct) / double(count)) : std::string("         -\n");
  }
  return text;
}

std::string confusion_table(const std::vector<std::string>& names, const Evaluation& result, std::size_t width) {
  constexpr std::size_t kCell = 7;
  std::string text = "\n" + column("label \\ predicted", std::max<std::size_t>(width, 17), false);
  for (const std::string& name : names) text += " " + column(name, kCell, true);
  text += "\n";
  for (std::size_t label = 0; label < names.size(); ++label) {
    text += column(names[label], std::max<std::size_t>(width, 17), false);
    for (dim_t count : result.confusion[label])
      text += " " + column(count > 0 ? std::to_string(count) : ".", kCell, true);
    text += "\n";
  }
  return text;
}

std::string frequent_confusions(const std::vector<std::string>& names, const Evaluation& result) {
  struct Confusion {
    dim_t count;
    std::size_t label, predicted;
  };
  std::vector<Confusion> all;
  for (std::size_t label = 0; label < names.size(); ++label)
    for (std::size_t predicted = 0; predicted < names.size(); ++predicted)
      if (label != predicted && result.confusion[label][predicted] > 0)
        all.push_back({result.confusion[label][predicted], label, predicted});
  std::stable_sort(all.begin(), all.end(), [](const Confusion& a, const Confusion& b) { return a.count > b.count; });
  std::string text = all.empty() ? "" : "\nmost frequent confusions\n";
  for (std::size_t i = 0; i < std::min(kConfusionsShown, all.size()); ++i)
    text += formatted("%8lld  ", (long long)all[i].count) + names[all[i].label] + " taken for " +
            names[all[i].predicted] + "\n";
  return text;
}

}  // namespace

std::string evaluation_text(const EvaluationSubject& subject, const Evaluation& result) {
  std::vector<std::string> names;
  std::size_t width = 5;
  for (const std::string& name : subject.class_names) {
    names.push_back(one_line(name));
    width = std::clamp(names.back().size(), width, std::size_t{24});
  }
  std::string text = "classifier  " + one_line(subject.classifier) + "  " + subject.arch +
                     formatted(", %.3f M parameters\n", double(subject.num_parameters) * 1e-6);
  text += "data        " + one_line(subject.data) + "  " + subject.dataset + " " + subject.split +
          formatted(", %lld images of %zu classes\n", (long long)result.count, names.size());
  text += formatted("accuracy    %.2f %%  (%lld of %lld)", 100 * result.accuracy(), (long long)result.correct,
                    (long long)result.count);
  text += subject.flip ? ", with mirror images\n" : "\n";
  text += formatted("loss        %.4f\n", result.mean_loss);
  text += "device      " + subject.device +
          (subject.device_note.empty() ? "" : " (" + one_line(subject.device_note) + ")") + "\n";
  text += formatted("time        %.2f s, %.0f images/s\n", subject.seconds,
                    subject.seconds > 0 ? double(result.count) / subject.seconds : 0.0);
  text += class_table(names, result, width);
  text += names.size() <= kLargestTable ? confusion_table(names, result, width) : frequent_confusions(names, result);
  return text;
}

std::string evaluation_json(const EvaluationSubject& subject, const Evaluation& result) {
  using Json = nlohmann::ordered_json;
  Json classes = Json::array();
  for (std::size_t label = 0; label < subject.class_names.size(); ++label) {
    const dim_t count = row_sum(result.confusion[label]), correct = result.confusion[label][label];
    classes.push_back({{"name", subject.class_names[label]},
                       {"count", count},
                       {"correct", correct},
                       {"accuracy", count > 0 ? Json(double(correct) / double(count)) : Json()}});
  }
  const Json all = {{"classifier", subject.classifier},
                    {"arch", subject.arch},
                    {"parameters", subject.num_parameters},
                    {"data", subject.data},
                    {"dataset", subject.dataset},
                    {"split", subject.split},
                    {"count", result.count},
                    {"correct", result.correct},
                    {"accuracy", result.accuracy()},
                    {"loss", result.mean_loss},
                    {"flip", subject.flip},
                    {"exact", subject.exact},
                    {"device", subject.device},
                    {"seconds", subject.seconds},
                    {"classes", classes},
                    {"confusion", result.confusion}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace engram::apps
