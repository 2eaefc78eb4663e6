#include "apps/common/experiment/cell.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/io/sha256.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

/// The runs before they are put in order, with the plan that they come from.
class Expansion {
 public:
  explicit Expansion(const Plan& plan) : plan_(plan) {
    for (const PlanCell& line : plan.cells)
      for (std::uint64_t seed : line.seeds) cells_.push_back(cell_of(line, seed));
    state_.assign(cells_.size(), State::kNew);
  }

  std::vector<Cell> ordered() {
    for (std::size_t i = 0; i < cells_.size(); ++i) visit(i, {});
    return renumbered();
  }

 private:
  enum class State { kNew, kOpen, kDone };

  Cell cell_of(const PlanCell& line, std::uint64_t seed) const {
    Cell cell{line.name, seed, line.program, {}, {}, {}, {}};
    for (const PlanSetting& setting : line.settings) {
      const Json value = Json::parse(setting.json);
      if (value.is_string() && value.get<std::string>().starts_with("@"))
        cell.inputs.push_back(input_of(line, setting.key, value.get<std::string>()));
      else
        cell.settings.push_back(setting);
    }
    for (const std::string& argument : line.arguments) cell.inputs.push_back(input_of(line, "", argument));
    return cell;
  }

  CellInput input_of(const PlanCell& line, const std::string& key, const std::string& text) const {
    const std::string place = message("cell '", line.name, "', ", key.empty() ? "arguments" : key, ": ");
    const auto take = [&](const std::string& prefix) { return text.substr(prefix.size()); };
    CellInput input;
    input.key = key;
    if (text.starts_with("@data/")) {
      input.kind = CellInput::Kind::kData;
      input.name = take("@data/");
      if (std::ranges::find(plan_.data_names, input.name) == plan_.data_names.end())
        throw UsageError(message(place, "expected a data set of the plan, got '", input.name, "'",
                                 did_you_mean(input.name, plan_.data_names)));
    } else if (text.starts_with("@file/")) {
      input.kind = CellInput::Kind::kFile;
      input.name = take("@file/");
      if (!std::filesystem::exists(plan_.folder / input.name))
        throw UsageError(message(place, "expected the file ", (plan_.folder / input.name).string(), ", found none"));
    } else if (text.starts_with("@cell/")) {
      input.kind = CellInput::Kind::kCell;
      const std::string rest = take("@cell/");
      const std::size_t slash = rest.find('/');
      if (slash == std::string::npos || slash + 1 == rest.size())
        throw UsageError(message(place, "expected @cell/NAME/FILE, got '", text, "'"));
      input.name = rest.substr(0, slash);
      input.file = rest.substr(slash + 1);
      if (input.file.find("..") != std::string::npos || input.file.starts_with("/"))
        throw UsageError(message(place, "expected a file inside the cell's folder, got '", input.file, "'"));
    } else {
      throw UsageError(message(place, "expected @data/NAME, @cell/NAME/FILE or @file/NAME, got '", text, "'"));
    }
    return input;
  }

  /// The run that a reference of `cell` to the plan's cell `name` means.
  std::size_t needed(const Cell& cell, const std::string& key, const std::string& name) const {
    const std::string place = message("cell '", cell.name, "', ", key, ": ");
    const auto line = std::ranges::find(plan_.cells, name, &PlanCell::name);
    if (line == plan_.cells.end()) {
      std::vector<std::string> names;
      for (const PlanCell& other : plan_.cells) names.push_back(other.name);
      throw UsageError(message(place, "expected a cell of the plan, got '", name, "'", did_you_mean(name, names)));
    }
    const std::uint64_t seed = line->seeds.size() == 1 ? line->seeds.front() : cell.seed;
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if (cells_[i].name == name && cells_[i].seed == seed) return i;
    throw UsageError(message(place, "expected '", name, "' to be run with seed ", cell.seed,
                             " or with one seed only, found neither"));
  }

  void visit(std::size_t index, std::vector<std::size_t> path) {
    if (state_[index] == State::kDone) return;
    path.push_back(index);
    if (state_[index] == State::kOpen) fail_cycle(path);
    state_[index] = State::kOpen;
    for (CellInput& input : cells_[index].inputs) {
      if (input.kind != CellInput::Kind::kCell) continue;
      input.cell = needed(cells_[index], input.key, input.name);
      visit(input.cell, path);
    }
    cells_[index].hash = hash_of(cells_[index]);
    state_[index] = State::kDone;
    order_.push_back(index);
  }

  [[noreturn]] void fail_cycle(const std::vector<std::size_t>& path) const {
    const auto first = std::ranges::find(path, path.back());
    std::string names;
    for (auto it = first; it != path.end(); ++it) names += (names.empty() ? "" : " -> ") + cells_[*it].name;
    throw UsageError(message("expected cells that can be put in order, got a cycle: ", names));
  }

  /// What an input is, wherever it lies.
  std::string identity_of(const CellInput& input) const {
    if (input.kind == CellInput::Kind::kData) return "data " + input.name;
    if (input.kind == CellInput::Kind::kFile) return "file " + io::sha256_file_hex(plan_.folder / input.name);
    return message("cell ", cells_[input.cell].hash, "/", input.file);
  }

  std::string hash_of(const Cell& cell) const {
    Json settings = Json::object();
    std::vector<PlanSetting> sorted = cell.settings;  // the order in which a plan states them means nothing
    std::ranges::sort(sorted, {}, &PlanSetting::key);
    for (const PlanSetting& s : sorted) settings[s.key] = Json::parse(s.json);
    Json inputs = Json::array();
    std::vector<CellInput> places = cell.inputs;
    std::ranges::stable_sort(places, {}, &CellInput::key);  // arguments keep their order
    for (const CellInput& input : places) inputs.push_back({input.key, identity_of(input)});
    const Json all = {{"program", cell.program}, {"settings", settings}, {"inputs", inputs}, {"seed", cell.seed}};
    return io::sha256_hex(io::as_bytes(all.dump())).substr(0, 16);
  }

  std::vector<Cell> renumbered() {
    std::vector<std::size_t> place(cells_.size());
    for (std::size_t i = 0; i < order_.size(); ++i) place[order_[i]] = i;
    std::vector<Cell> result;
    for (std::size_t index : order_) {
      Cell cell = std::move(cells_[index]);
      for (CellInput& input : cell.inputs) {
        if (input.kind != CellInput::Kind::kCell) continue;
        input.cell = place[input.cell];
        if (std::ranges::find(cell.needs, input.cell) == cell.needs.end()) cell.needs.push_back(input.cell);
      }
      result.push_back(std::move(cell));
    }
    return result;
  }

  const Plan& plan_;
  std::vector<Cell> cells_;
  std::vector<State> state_;
  std::vector<std::size_t> order_;
};

/// Whether `text` is described by `pattern`, in which * stands for any characters and ? for one.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*')
    return matches(pattern.substr(1), text) || (!text.empty() && matches(pattern, text.substr(1)));
  return !text.empty() && (pattern.front() == '?' || pattern.front() == text.front()) &&
         matches(pattern.substr(1), text.substr(1));
}

void add_with_needs(const std::vector<Cell>& cells, std::size_t index, std::vector<bool>& chosen) {
  chosen[index] = true;
  for (std::size_t need : cells[index].needs) add_with_needs(cells, need, chosen);
}

}  // namespace

std::string cell_title(const Cell& cell) {
  return message(cell.name, " seed ", cell.seed);
}

std::vector<Cell> expand_cells(const Plan& plan) {
  return Expansion(plan).ordered();
}

std::vector<std::size_t> choose_cells(const std::vector<Cell>& cells, const std::string& pattern, int shard,
                                      int shards) {
  std::vector<bool> chosen(cells.size(), false);
  std::size_t matching = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!pattern.empty() && !matches(pattern, cells[i].name)) continue;
    if (int(matching++ % std::size_t(shards)) == shard) add_with_needs(cells, i, chosen);
  }
  if (matching == 0)
    throw UsageError(message("--only: expected the name of a cell, got '", pattern, "', which none has"));
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < cells.size(); ++i)
    if (chosen[i]) result.push_back(i);
  return result;
}

std::string cell_config(const Cell& cell) {
  Json json = Json::object();
  for (const PlanSetting& setting : cell.settings) json[setting.key] = Json::parse(setting.json);
  json["seed"] = cell.seed;
  return json.dump(2) + "\n";
}

std::vector<std::string> cell_arguments(const Cell& cell, const std::vector<Cell>& all, const Plan& plan,
                                        const std::map<std::string, std::filesystem::path>& data,
                                        const std::filesystem::path& cells) {
  std::vector<std::string> words;
  for (const CellInput& input : cell.inputs) {
    std::filesystem::path place;
    if (input.kind == CellInput::Kind::kCell) {
      place = cells / all[input.cell].hash / input.file;
    } else if (input.kind == CellInput::Kind::kFile) {
      place = plan.folder / input.name;
    } else {
      const auto folder = data.find(input.name);
      if (folder == data.end())
        throw UsageError(message("expected --data ", input.name, "=FOLDER for cell '", cell.name, "', got none"));
      place = folder->second;
    }
    std::string option = input.key;
    std::ranges::replace(option, '_', '-');
    words.push_back((option.empty() ? "" : "--" + option + "=") + std::filesystem::absolute(place).string());
  }
  return words;
}

}  // namespace engram::apps
