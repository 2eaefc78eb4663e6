#include "apps/common/score_table.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/common/stack_table.h"
#include "engine/io/csv.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

/// The measured members of Quality, by the names that they have in files and metrics.
struct QualityMember {
  const char* name;
  Measured Quality::*member;
  bool neighborhood;
  bool share;
};
constexpr QualityMember kMembers[] = {
    {"fid", &Quality::fid, false, false},           {"inception_score", &Quality::inception_score, false, false},
    {"precision", &Quality::precision, true, true}, {"recall", &Quality::recall, true, true},
    {"density", &Quality::density, true, false},    {"coverage", &Quality::coverage, true, true}};

std::string number(double value, bool share) {
  char text[64];
  std::snprintf(text, sizeof text,
                share                    ? "%.1f %%"
                : std::abs(value) >= 100 ? "%.1f"
                                         : "%.3f",
                share ? 100 * value : value);
  return text;
}

std::string with_interval(const Measured& m, bool share) {
  std::string text = number(m.value, share);
  if (m.interval) text += " [" + number(m.interval->low, share) + ", " + number(m.interval->high, share) + "]";
  return text;
}

Json measured_json(const Measured& m) {
  Json json = {{"value", m.value}};
  json["low"] = m.interval ? Json(m.interval->low) : Json();
  json["high"] = m.interval ? Json(m.interval->high) : Json();
  return json;
}

Json extractor_json(const ExtractorScore& e) {
  Json json = {{"label", e.label}, {"file", e.file}, {"features", e.features}, {"independent", e.independent}};
  for (const QualityMember& m : kMembers)
    json[m.name] = m.neighborhood && !e.has_neighborhoods ? Json() : measured_json(e.quality.*m.member);
  json["fid_regularized"] = e.quality.regularized_fid ? Json(*e.quality.regularized_fid) : Json();
  json["inception_score_splits"] = {{"mean", e.quality.split_score}, {"deviation", e.quality.split_deviation}};
  json["floors"] = Json::array();
  for (const auto& [what, value] : e.floors) json["floors"].push_back({{"what", what}, {"fid", value}});
  return json;
}

/// A member of an untrusted object, or null.
const Json& at(const Json& object, const char* name) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : "";
}

std::string shown(const Json& value, bool share) {
  return value.is_number() ? number(value.get<double>(), share) : "-";
}

std::string shown_interval(const Json& measured, bool share) {
  std::string text = shown(at(measured, "value"), share);
  if (at(measured, "low").is_number())
    text += " [" + shown(at(measured, "low"), share) + ", " + shown(at(measured, "high"), share) + "]";
  return text;
}

Html extractor_table(const Json& extractors) {
  StackTable table({"extractor", "FID", "inception score", "precision", "recall", "density", "coverage"});
  for (const Json& e : extractors) {
    table.row(text_of(at(e, "label")));
    for (const QualityMember& m : kMembers) table.cell(shown_interval(at(e, m.name), m.share));
    if (at(e, "independent") == Json(false))
      table.row("").wide_cell("these images were made to fit this classifier: its numbers say little");
    if (at(e, "fid_regularized").is_number())
      table.row("").wide_cell("FID with 1e-6 added to the variances: " + shown(at(e, "fid_regularized"), false));
    if (at(e, "floors").is_array())
      for (const Json& floor : at(e, "floors"))
        table.row("").wide_cell("FID of real images (" + text_of(at(floor, "what")) +
                                "): " + shown(at(floor, "fid"), false));
  }
  return table.html();
}

Html judge_table(const Json& judges) {
  StackTable table({"classifier", "role", "takes for the class they were made for"});
  for (const Json& judge : judges)
    table.row(text_of(at(judge, "label")))
        .cell(text_of(at(judge, "role")))
        .cell(shown_interval(at(judge, "accuracy"), true));
  return table.html();
}

Html channel_table(const Json& channels) {
  StackTable table({"channel", "mean, made", "mean, real", "deviation, made", "deviation, real"});
  for (const Json& c : channels)
    table.row(text_of(at(c, "name")))
        .cell(shown(at(c, "made_mean"), false))
        .cell(shown(at(c, "real_mean"), false))
        .cell(shown(at(c, "made_deviation"), false))
        .cell(shown(at(c, "real_deviation"), false));
  return table.html();
}

}  // namespace

std::map<std::string, double> headline(const ScoreTable& table) {
  std::map<std::string, double> result;
  for (const QualityMember& m : kMembers) {
    double sum = 0;
    int count = 0;
    for (const ExtractorScore& e : table.extractors)
      if (e.independent && (e.has_neighborhoods || !m.neighborhood)) sum += (e.quality.*m.member).value, ++count;
    if (count > 0) result[m.name] = sum / count;
  }
  double sum = 0;
  int count = 0;
  for (const JudgeScore& judge : table.judges)
    if (judge.role == "inverted classifier")
      result["classifier_accuracy"] = judge.accuracy.value;
    else
      sum += judge.accuracy.value, ++count;
  if (count > 0) result["judge_accuracy"] = sum / count;
  return result;
}

std::string score_text(const ScoreTable& table) {
  std::string text = message(table.made, " made images (", table.made_source, ") against ", table.real, " real ones (",
                             table.real_source, ")\n");
  for (const ExtractorScore& e : table.extractors) {
    text += message("FID-", e.label, e.independent ? "" : " (the inverted classifier)", ": ",
                    with_interval(e.quality.fid, false), "\n");
    for (const auto& [what, value] : e.floors)
      text += message("  of real images (", what, "): ", number(value, false), "\n");
    text += message("  inception score ", with_interval(e.quality.inception_score, false), "\n");
    for (const QualityMember& m : kMembers)
      if (m.neighborhood && e.has_neighborhoods)
        text += message("  ", m.name, " ", with_interval(e.quality.*m.member, m.share), "\n");
  }
  for (const JudgeScore& judge : table.judges)
    text += message("accuracy of ", judge.label, " (", judge.role, "): ", with_interval(judge.accuracy, true), "\n");
  for (const std::string& warning : table.warnings) text += "note: " + warning + "\n";
  return text;
}

std::string score_csv(const ScoreTable& table) {
  std::string text;
  const std::vector<std::string> header = {"classifier", "role", "metric", "value", "low", "high", "made", "real"};
  io::CsvWriter csv([&](std::string_view lines) { text += lines; }, header);
  const auto line = [&](const std::string& label, const std::string& role, const std::string& metric,
                        const Measured& m) {
    csv.cell(label).cell(role).cell(metric).cell(m.value);
    if (m.interval)
      csv.cell(m.interval->low).cell(m.interval->high);
    else
      csv.cell("").cell("");
    csv.cell(std::int64_t(table.made)).cell(std::int64_t(table.real)).end_row();
  };
  for (const ExtractorScore& e : table.extractors) {
    const std::string role = e.independent ? "extractor" : "inverted classifier";
    for (const QualityMember& m : kMembers)
      if (e.has_neighborhoods || !m.neighborhood) line(e.label, role, m.name, e.quality.*m.member);
    if (e.quality.regularized_fid) line(e.label, role, "fid_regularized", {*e.quality.regularized_fid});
    for (const auto& [what, value] : e.floors) line(e.label, role, "fid floor: " + what, {value});
  }
  for (const JudgeScore& judge : table.judges) line(judge.label, judge.role, "accuracy", judge.accuracy);
  return text;
}

std::string score_json(const ScoreTable& t) {
  Json json = {{"made", t.made},
               {"made_source", t.made_source},
               {"real", t.real},
               {"real_source", t.real_source},
               {"neighborhood_images", t.neighborhood_images},
               {"neighbors", t.neighbors},
               {"extractors", Json::array()},
               {"judges", Json::array()},
               {"channels", Json::array()}};
  for (const ExtractorScore& e : t.extractors) json["extractors"].push_back(extractor_json(e));
  for (const JudgeScore& j : t.judges)
    json["judges"].push_back({{"label", j.label}, {"role", j.role}, {"accuracy", measured_json(j.accuracy)}});
  for (const ChannelRow& c : t.channels)
    json["channels"].push_back({{"name", c.name},
                                {"made_mean", c.made_mean},
                                {"made_deviation", c.made_deviation},
                                {"real_mean", c.real_mean},
                                {"real_deviation", c.real_deviation}});
  json["class_color_distance"] = t.class_color_distance >= 0 ? Json(t.class_color_distance) : Json();
  json["warnings"] = t.warnings;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Html score_section(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!at(json, "extractors").is_array() || !at(json, "judges").is_array()) return {};
  Html out;
  out.element("h2", "Scores").markup("<p>");
  out.text(message(at(json, "made").is_number() ? at(json, "made").dump() : "?", " made images against ",
                   at(json, "real").is_number() ? at(json, "real").dump() : "?",
                   " real ones. FID: lower is nearer; it depends on the extractor and on the number of images, so "
                   "compare it with the floor below it and at equal numbers only. In brackets: 95 % intervals by "
                   "resampling images."));
  out.markup("</p>\n");
  if (at(json, "warnings").is_array())
    for (const Json& warning : at(json, "warnings"))
      out.markup("<p class=\"warn\">").text(text_of(warning)).markup("</p>\n");
  out.html(extractor_table(at(json, "extractors"))).html(judge_table(at(json, "judges")));
  if (at(json, "channels").is_array() && !at(json, "channels").empty()) out.html(channel_table(at(json, "channels")));
  return out;
}

}  // namespace engram::apps
