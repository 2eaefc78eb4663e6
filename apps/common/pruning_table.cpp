#include "apps/common/pruning_table.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/common/stack_table.h"
#include "apps/common/svg_chart.h"
#include "apps/common/text_format.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

std::string millions(double count) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f M", count / 1e6);
  return text;
}

/// A number of an untrusted object; nothing for any other member.
std::optional<double> number_at(const Json& object, const char* name) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::string percent_of(double share) {
  return percent_text(share);
}

std::string shown(std::optional<double> value, std::string (*text)(double)) {
  return value ? text(*value) : "-";
}

void add_row(StackTable& table, const std::string& name, const Json& object, const char* accuracy) {
  table.row(name)
      .cell(shown(number_at(object, "parameters"), millions))
      .cell(shown(number_at(object, "macs"), millions))
      .cell(shown(number_at(object, accuracy), percent_of))
      .cell(shown(number_at(object, "recovered_accuracy"), percent_of));
}

}  // namespace

std::string pruning_text(const PruningTable& t) {
  std::string text =
      message(t.method, " of ", t.arch, ": ", millions(double(t.parameters)), " parameters, ", millions(double(t.macs)),
              " multiplications an image, accuracy ", percent_text(t.accuracy), "\n");
  for (const PruningPoint& p : t.points) {
    text += message("ratio ", p.ratio, ": ", millions(double(p.parameters)), " parameters, ", millions(double(p.macs)),
                    " multiplications, accuracy ", percent_text(p.pruned_accuracy));
    if (p.recovered_accuracy)
      text += message(", ", percent_text(*p.recovered_accuracy), " after recovery with ", t.images, " images");
    text += "\n";
  }
  return text;
}

std::string pruning_json(const PruningTable& t) {
  Json json = {{"method", t.method},         {"arch", t.arch}, {"source", t.source},     {"images", t.images},
               {"parameters", t.parameters}, {"macs", t.macs}, {"accuracy", t.accuracy}, {"points", Json::array()}};
  for (const PruningPoint& p : t.points)
    json["points"].push_back({{"ratio", p.ratio},
                              {"parameters", p.parameters},
                              {"macs", p.macs},
                              {"pruned_accuracy", p.pruned_accuracy},
                              {"recovered_accuracy", p.recovered_accuracy ? Json(*p.recovered_accuracy) : Json()}});
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Html pruning_section(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("points") || !json["points"].is_array()) return {};
  ChartSeries before{"accuracy as it was cut", {}}, after{"accuracy after recovery", {}};
  StackTable table({"ratio", "parameters", "multiplications an image", "accuracy as it was cut", "after recovery"});
  add_row(table, "whole", json, "accuracy");
  if (const auto whole = number_at(json, "accuracy")) {
    before.points.push_back({0, *whole});
    after.points.push_back({0, *whole});
  }
  for (const Json& point : json["points"]) {
    const auto ratio = number_at(point, "ratio");
    if (!ratio) continue;
    add_row(table, number_text(*ratio), point, "pruned_accuracy");
    if (const auto cut = number_at(point, "pruned_accuracy")) before.points.push_back({100 * *ratio, *cut});
    if (const auto late = number_at(point, "recovered_accuracy")) after.points.push_back({100 * *ratio, *late});
  }
  std::vector<ChartSeries> lines = {before};
  if (after.points.size() > 1) lines.push_back(after);
  Html out;
  out.element("h2", "What pruning left").html(table.html());
  if (before.points.size() < 2) return out;
  out.markup("<div class=\"charts\">\n<section class=\"card\">").element("h3", "Accuracy over the ratio in percent");
  return out.html(svg_chart("Accuracy over the ratio in percent", lines))
      .html(chart_legend(lines))
      .markup("</section>\n</div>\n");
}

}  // namespace engram::apps
