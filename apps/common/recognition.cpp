#include "apps/common/recognition.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/common/json_members.h"
#include "apps/common/main_wrapper.h"
#include "apps/common/stack_table.h"
#include "apps/common/text_format.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kClassesSaid = 10;

double share_of(dim_t part, dim_t whole) {
  return whole > 0 ? double(part) / double(whole) : 0;
}

std::string class_line(const ClassRecognition& c) {
  std::string line = message("  ", one_line(c.name), ": ", c.recognised, " of ", c.images, ", confidence ",
                             percent_text(c.confidence, 1));
  if (!c.taken_for.empty()) line += ", mostly taken for " + one_line(c.taken_for);
  return line + "\n";
}

/// A member as text or number; nothing of the file is trusted.
void add_class(const Json& object, StackTable& table) {
  const double share = number_member(object, "share");
  table.row(text_member(object, "name")).cell(number_text(number_member(object, "images"), 12));
  table.cell(percent_text(share, 1), share < kPoorRecognition ? Markup("no") : Markup(""));
  table.cell(percent_text(number_member(object, "confidence"), 1)).cell(text_member(object, "taken_for"));
}

}  // namespace

Recognition recognition_of(const Predictions& predictions, const std::vector<std::string>& class_names) {
  Recognition result;
  std::vector<std::vector<dim_t>> confusion(class_names.size(), std::vector<dim_t>(class_names.size(), 0));
  for (const std::string& name : class_names) result.classes.push_back({.name = name});
  for (dim_t i = 0; i < predictions.count(); ++i) {
    const auto label = std::size_t(predictions.label(i)), predicted = std::size_t(predictions.predicted(i));
    ClassRecognition& own = result.classes.at(label);
    ++own.images;
    own.confidence += predictions.probability(i);
    own.recognised += predicted == label;
    if (predicted != label) ++confusion[label].at(predicted);
  }
  for (std::size_t c = 0; c < class_names.size(); ++c) {
    ClassRecognition& own = result.classes[c];
    result.images += own.images;
    result.recognised += own.recognised;
    result.confidence += own.confidence;
    if (own.images > 0) own.confidence /= double(own.images);
    const auto most = std::max_element(confusion[c].begin(), confusion[c].end());
    if (own.recognised < own.images) own.taken_for = class_names[std::size_t(most - confusion[c].begin())];
  }
  if (result.images > 0) result.confidence /= double(result.images);
  return result;
}

std::vector<bool> missed_images(const Predictions& predictions) {
  std::vector<bool> missed;
  for (dim_t i = 0; i < predictions.count(); ++i) missed.push_back(predictions.predicted(i) != predictions.label(i));
  return missed;
}

std::string recognition_json(const Recognition& r) {
  Json classes = Json::array();
  for (const ClassRecognition& c : r.classes)
    classes.push_back({{"name", c.name},
                       {"images", c.images},
                       {"recognised", c.recognised},
                       {"share", share_of(c.recognised, c.images)},
                       {"confidence", c.confidence},
                       {"taken_for", c.taken_for}});
  const Json all = {{"images", r.images},         {"recognised", r.recognised}, {"share", r.share()},
                    {"confidence", r.confidence}, {"classes", classes},         {"advice", r.advice}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string recognition_text(const Recognition& r) {
  std::string text =
      message("the classifier recognises ", r.recognised, " of ", r.images, " images (", percent_text(r.share(), 1),
              "), with a mean confidence of ", percent_text(r.confidence, 1), "\n");
  std::vector<ClassRecognition> poor;
  for (const ClassRecognition& c : r.classes)
    if (c.images > 0 && share_of(c.recognised, c.images) < kPoorRecognition) poor.push_back(c);
  std::stable_sort(poor.begin(), poor.end(), [](const ClassRecognition& a, const ClassRecognition& b) {
    return share_of(a.recognised, a.images) < share_of(b.recognised, b.images);
  });
  if (!poor.empty()) text += message("classes below ", percent_text(kPoorRecognition, 1), ":\n");
  for (std::size_t i = 0; i < std::min(poor.size(), kClassesSaid); ++i) text += class_line(poor[i]);
  if (poor.size() > kClassesSaid) text += message("  and ", poor.size() - kClassesSaid, " more, see the report\n");
  if (!r.advice.empty()) text += "to try:\n";
  for (const std::string& sentence : r.advice) text += "  " + sentence + "\n";
  return text;
}

Html recognition_section(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("classes") || !json["classes"].is_array()) return {};
  Html out;
  out.element("h2", "What the classifier recognises").markup("<p>");
  out.text(message(number_text(number_member(json, "recognised"), 12), " of ",
                   number_text(number_member(json, "images"), 12), " images (",
                   percent_text(number_member(json, "share"), 1),
                   ") are taken for the class that they were made for; confidence is the mean probability that the "
                   "classifier gives to that class. In the picture below, images that are taken for another class "
                   "have a red frame."));
  out.markup("</p>\n");
  const Json advice = json.value("advice", Json::array());
  if (advice.is_array() && !advice.empty()) {
    out.element("p", "To try:").markup("<ul>\n");
    for (const Json& sentence : advice)
      if (sentence.is_string()) out.element("li", sentence.get<std::string>());
    out.markup("</ul>\n");
  }
  StackTable table({"class", "images", "recognised", "confidence", "mostly taken for"});
  for (const Json& row : json["classes"])
    if (row.is_object()) add_class(row, table);
  return out.html(table.html());
}

}  // namespace engram::apps
