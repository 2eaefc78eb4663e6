#include "apps/common/experiment/plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/io/atomic_file.h"
#include "engine/io/json_problem.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxPlanBytes = std::uint64_t{1} << 24;

const char* type_name(const Json& json) {
  return json.is_number() ? "number" : json.type_name();
}

/// A JSON object of the plan with the place where it stands, for messages.
class Reader {
 public:
  Reader(const Json& json, std::string place) : json_(json), place_(std::move(place)) {
    if (!json.is_object()) fail("a JSON object", type_name(json));
  }

  /// Refuses members that are not in `known`; "//" is a comment.
  void allow(const std::vector<std::string>& known) const {
    for (const auto& [key, value] : json_.items())
      if (key != "//" && std::ranges::find(known, key) == known.end())
        throw UsageError(message(place_, ": unknown member '", key, "'", did_you_mean(key, known)));
  }

  bool has(const std::string& key) const { return json_.contains(key); }

  const Json& at(const std::string& key) const {
    if (!has(key)) throw UsageError(message(place_, ": expected a member '", key, "', found none"));
    return json_.at(key);
  }

  Reader object(const std::string& key) const { return Reader(at(key), place_ + "." + key); }

  const Json& array(const std::string& key) const {
    const Json& value = at(key);
    if (!value.is_array()) throw UsageError(message(place_, ".", key, ": expected an array, got ", type_name(value)));
    return value;
  }

  std::string text(const std::string& key) const {
    const Json& value = at(key);
    if (!value.is_string()) throw UsageError(message(place_, ".", key, ": expected a text, got ", type_name(value)));
    return value.get<std::string>();
  }
  std::string text(const std::string& key, const std::string& otherwise) const {
    return has(key) ? text(key) : otherwise;
  }

  bool truth(const std::string& key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!at(key).is_boolean())
      throw UsageError(message(place_, ".", key, ": expected true or false, got ", type_name(at(key))));
    return at(key).get<bool>();
  }

  double number(const std::string& key) const {
    if (!at(key).is_number())
      throw UsageError(message(place_, ".", key, ": expected a number, got ", type_name(at(key))));
    return at(key).get<double>();
  }

  std::vector<std::string> texts(const std::string& key) const {
    std::vector<std::string> result;
    for (const Json& value : array(key)) {
      if (!value.is_string()) throw UsageError(message(place_, ".", key, ": expected texts, got ", type_name(value)));
      result.push_back(value.get<std::string>());
    }
    return result;
  }

  /// A list of distinct whole numbers, at least one.
  std::vector<std::uint64_t> seeds(const std::string& key) const {
    std::vector<std::uint64_t> result;
    for (const Json& value : array(key)) {
      if (!value.is_number_unsigned())
        throw UsageError(message(place_, ".", key, ": expected whole numbers of at least 0, got ", value.dump()));
      if (std::ranges::find(result, value.get<std::uint64_t>()) != result.end())
        throw UsageError(message(place_, ".", key, ": expected each seed once, got ", value.dump(), " twice"));
      result.push_back(value.get<std::uint64_t>());
    }
    if (result.empty()) throw UsageError(message(place_, ".", key, ": expected at least one seed, got none"));
    return result;
  }

  const Json& json() const { return json_; }
  const std::string& place() const { return place_; }

 private:
  [[noreturn]] void fail(const char* expected, const char* got) const {
    throw UsageError(message(place_, ": expected ", expected, ", got ", got));
  }

  const Json& json_;
  std::string place_;
};

/// Parses the text, and refuses a key that stands twice in one object.
Json parse(const std::string& text, const std::string& source) {
  std::vector<std::set<std::string>> open;
  const Json::parser_callback_t check = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second)
      throw UsageError(message(source, ": expected each member once, got '", parsed.get<std::string>(), "' twice"));
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::exception&) {
    throw UsageError(message(source, ": ", io::json_problem(text)));
  }
}

const std::vector<std::string> kPlanMembers = {"name",  "title",    "data",    "scales", "seeds",
                                               "cells", "defaults", "measure", "rows"};

/// Adds or replaces settings, as the text of their values.
void overlay(std::vector<PlanSetting>& settings, const Reader& values) {
  for (const auto& [key, value] : values.json().items()) {
    if (key == "//") continue;
    if (value.is_object() && key != "method")
      throw UsageError(
          message(values.place(), ".", key, ": expected a number, text, truth value or array, got object"));
    const auto same = std::ranges::find(settings, key, &PlanSetting::key);
    if (same == settings.end())
      settings.push_back({key, value.dump()});
    else
      same->json = value.dump();
  }
}

/// What applies to every cell unless it says otherwise.
struct Defaults {
  std::string program;
  std::vector<PlanSetting> settings;
  std::vector<std::uint64_t> seeds;
};

Defaults read_defaults(const Reader& plan, const Reader& scale) {
  Defaults result;
  if (plan.has("defaults")) {
    const Reader defaults = plan.object("defaults");
    defaults.allow({"program", "settings"});
    result.program = defaults.text("program", "");
    if (defaults.has("settings")) overlay(result.settings, defaults.object("settings"));
  }
  if (scale.has("settings")) overlay(result.settings, scale.object("settings"));
  if (scale.has("seeds"))
    result.seeds = scale.seeds("seeds");
  else if (plan.has("seeds"))
    result.seeds = plan.seeds("seeds");
  return result;
}

PlanCell read_cell(const Reader& json, const Defaults& defaults, const std::string& scale) {
  json.allow({"name", "program", "settings", "arguments", "seeds", "scales"});
  PlanCell cell{json.text("name"), json.text("program", defaults.program), defaults.settings, {}, defaults.seeds};
  if (cell.name.empty()) throw UsageError(message(json.place(), ".name: expected a name, got an empty text"));
  if (cell.program.empty())
    throw UsageError(message(json.place(), ": expected a member 'program', here or in defaults, found none"));
  if (json.has("settings")) overlay(cell.settings, json.object("settings"));
  if (json.has("arguments")) cell.arguments = json.texts("arguments");
  if (json.has("seeds")) cell.seeds = json.seeds("seeds");
  if (json.has("scales") && json.object("scales").has(scale)) {
    const Reader own = json.object("scales").object(scale);
    own.allow({"settings", "seeds"});
    if (own.has("settings")) overlay(cell.settings, own.object("settings"));
    if (own.has("seeds")) cell.seeds = own.seeds("seeds");
  }
  if (cell.seeds.empty())
    throw UsageError(message(json.place(), ": expected seeds, here, in the scale or in the plan, found none"));
  return cell;
}

PlanMeasure read_measure(const Reader& json) {
  json.allow({"metric", "label", "percent", "higher_is_better"});
  PlanMeasure measure;
  measure.metric = json.text("metric");
  measure.label = json.text("label", measure.metric);
  measure.percent = json.truth("percent", false);
  measure.higher_is_better = json.truth("higher_is_better", true);
  return measure;
}

PlanRow read_row(const Reader& json, const Plan& plan) {
  json.allow({"cell", "label", "reference", "published"});
  PlanRow row;
  row.cell = json.text("cell");
  row.label = json.text("label", row.cell);
  row.reference = json.text("reference", "");
  std::vector<std::string> names;
  for (const PlanCell& cell : plan.cells) names.push_back(cell.name);
  for (const std::string& name : {row.cell, row.reference})
    if (!name.empty() && std::ranges::find(names, name) == names.end())
      throw UsageError(
          message(json.place(), ": expected the name of a cell, got '", name, "'", did_you_mean(name, names)));
  if (json.has("published")) {
    std::size_t i = 0;
    for (const Json& entry : json.array("published")) {
      const Reader value(entry, message(json.place(), ".published[", i++, "]"));
      value.allow({"value", "source"});
      row.published.push_back({value.number("value"), value.text("source")});
    }
  }
  return row;
}

std::vector<std::string> names_of(const Reader& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.json().items())
    if (key != "//") names.push_back(key);
  return names;
}

}  // namespace

std::vector<std::string> plan_scales(const std::string& text, const std::string& source) {
  const Json json = parse(text, source);
  return names_of(Reader(json, source).object("scales"));
}

Plan parse_plan(const std::string& text, const std::string& source, const std::string& scale) {
  const Json json = parse(text, source);
  const Reader reader(json, source);
  reader.allow(kPlanMembers);
  Plan plan;
  plan.name = reader.text("name");
  plan.title = reader.text("title", plan.name);
  if (reader.has("data")) plan.data_names = names_of(reader.object("data"));

  const Reader scales = reader.object("scales");
  const std::vector<std::string> known = names_of(scales);
  if (known.empty()) throw UsageError(message(source, ".scales: expected at least one scale, got none"));
  plan.scale = scale.empty() ? known.front() : scale;
  if (std::ranges::find(known, plan.scale) == known.end()) {
    std::string list;
    for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
    throw UsageError(message("--scale: expected one of ", list, " of ", source, ", got '", plan.scale, "'"));
  }
  const Reader chosen = scales.object(plan.scale);
  chosen.allow({"note", "settings", "seeds"});
  plan.note = chosen.text("note", "");

  const Defaults defaults = read_defaults(reader, chosen);
  std::size_t i = 0;
  for (const Json& entry : reader.array("cells")) {
    PlanCell cell = read_cell(Reader(entry, message(source, ".cells[", i++, "]")), defaults, plan.scale);
    if (std::ranges::find(plan.cells, cell.name, &PlanCell::name) != plan.cells.end())
      throw UsageError(message(source, ".cells: expected each name once, got '", cell.name, "' twice"));
    plan.cells.push_back(std::move(cell));
  }
  if (plan.cells.empty()) throw UsageError(message(source, ".cells: expected at least one cell, got none"));

  if (reader.has("measure")) plan.measure = read_measure(reader.object("measure"));
  i = 0;
  for (const Json& entry : reader.array("rows"))
    plan.rows.push_back(read_row(Reader(entry, message(source, ".rows[", i++, "]")), plan));
  return plan;
}

Plan load_plan(const std::filesystem::path& file, const std::string& scale) {
  const io::Bytes bytes = io::read_file(file, kMaxPlanBytes);
  Plan plan = parse_plan(std::string(io::as_text(bytes)), file.filename().string(), scale);
  plan.folder = file.parent_path();
  return plan;
}

}  // namespace engram::apps
