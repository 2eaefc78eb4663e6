#pragma once
/// A plan: the cells of a paper's table, as a JSON file (docs/reproduce.md describes the format).

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace engram::apps {

/// One setting of a program: its key in configuration files, and its value as JSON text.
struct PlanSetting {
  std::string key;
  std::string json;
};

/// One line of "cells": a program, its settings, and the seeds that it is run with.
struct PlanCell {
  std::string name;     ///< unique in the plan; other cells and the table's rows refer to it
  std::string program;  ///< "engram-train"
  std::vector<PlanSetting> settings;
  std::vector<std::string> arguments;  ///< references that the program takes without a name, as its classifier
  std::vector<std::uint64_t> seeds;    ///< not empty, distinct
};

/// A number that somebody published, and where.
struct PublishedValue {
  double value = 0;  ///< in the measure's unit
  std::string source;
};

/// One row of the table.
struct PlanRow {
  std::string cell;
  std::string label;
  std::string reference;  ///< the cell that this row is compared with, seed by seed; empty for none
  std::vector<PublishedValue> published;
};

/// What the table shows of each cell: a series of metrics.jsonl, whose last and best values are reported.
struct PlanMeasure {
  std::string metric = "test/accuracy";
  std::string label = "test accuracy";
  bool percent = true;           ///< shares are shown as percentages; published values are percentages then
  bool higher_is_better = true;  ///< what "best" means
};

/// A plan at one scale.
struct Plan {
  std::string name, title, scale;
  std::string note;                     ///< shown above the table: how this scale differs from the paper's protocol
  std::vector<std::string> data_names;  ///< sets that cells refer to as "@data/NAME"
  std::vector<PlanCell> cells;
  PlanMeasure measure;
  std::vector<PlanRow> rows;
  std::filesystem::path folder;  ///< of the plan's file; "@file/NAME" counts from here
};

/// The names of the scales that a plan's text defines, in its order. Throws UsageError as parse_plan.
std::vector<std::string> plan_scales(const std::string& text, const std::string& source);

/// Reads a plan at one of its scales. `source` names the text in messages. Throws UsageError, one line, for text that
/// is no plan: a member that is missing, unknown (with the nearest name), given twice or of another type; a name twice;
/// a row or reference without its cell; a scale that the plan does not have (`scale` empty: the plan's first).
Plan parse_plan(const std::string& text, const std::string& source, const std::string& scale);

/// The same from a file of at most 16 MiB. Throws IoError too.
Plan load_plan(const std::filesystem::path& file, const std::string& scale);

}  // namespace engram::apps
