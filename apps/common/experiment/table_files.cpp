#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/common/experiment/table.h"
#include "apps/common/html.h"
#include "apps/common/page.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

/// "92.31 ± 0.12", without the interval below two values, "-" for none.
std::string with_interval(const MeanInterval& value) {
  if (value.count == 0) return "-";
  if (value.count == 1) return fixed(value.mean, 2);
  return fixed(value.mean, 2) + " ± " + fixed(value.half_width, 2);
}

std::string published(const TableRow& row) {
  std::string text;
  for (const PublishedValue& value : row.plan.published)
    text += (text.empty() ? "" : "; ") + fixed(value.value, 2) + " (" + value.source + ")";
  return text.empty() ? "-" : text;
}

std::string against_published(const TableRow& row) {
  if (row.plan.published.empty() || row.last.count == 0) return "-";
  return (row.last_minus_published > 0 ? "+" : "") + fixed(row.last_minus_published, 2);
}

std::string against_reference(const TableRow& row) {
  const PairedTest& test = row.against_reference;
  if (test.difference.count == 0) return "-";
  std::string text = (test.difference.mean > 0 ? "+" : "") + with_interval(test.difference);
  if (test.difference.count >= 2) text += ", p " + number_text(test.p, 2);
  return text + " (" + row.plan.reference + ")";
}

std::string count_text(double value) {
  return value > 0 ? fixed(value, 0) : "-";
}

std::string best_epoch_text(const TableRow& row) {
  return row.epochs > 0 ? fixed(row.best_epoch, 1) + " of " + fixed(row.epochs, 0) : "-";
}

/// Titles and cells of the table for people: the same in HTML and Markdown.
const std::vector<std::string> kTitles = {"row",
                                          "published",
                                          "seeds",
                                          "last epoch",
                                          "best epoch",
                                          "best at epoch",
                                          "last - published",
                                          "last - reference",
                                          "images",
                                          "steps",
                                          "device hours"};

std::vector<std::string> texts(const TableRow& row) {
  return {row.plan.label,
          published(row),
          message(row.last.count, " of ", row.seeds),
          with_interval(row.last),
          with_interval(row.best),
          best_epoch_text(row),
          against_published(row),
          against_reference(row),
          count_text(row.images),
          count_text(row.steps),
          fixed(row.device_hours, 2)};
}

std::string explanation(const Table& table) {
  return message(
      table.measure, table.percent ? " in %" : "", ", scale \"", table.scale,
      "\": mean over seeds ± half of the 95 % interval (Student's t). Best epoch: of each run the best value "
      "that was seen, which looks at the test set. Differences are of the last epoch; p: paired t test over "
      "seeds. Images and steps are per run, device hours of all attempts of all seeds.");
}

/// A pipe would end a cell of a Markdown table.
std::string markdown_cell(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c == '\n' ? ' ' : c);
  return out;
}

/// A field of a CSV file, in quotes where it needs them.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string csv_number(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.10g", value);
  return std::isfinite(value) ? text : "";
}

std::string table_csv(const Table& table) {
  std::string out =
      "cell,label,published,seeds_planned,seeds,last_mean,last_half_width,best_mean,best_half_width,best_epoch,epochs,"
      "reference,pairs,difference_mean,difference_half_width,difference_p,images,steps,device_hours,failed_seeds\n";
  for (const TableRow& row : table.rows) {
    const auto measured = [&](double value) { return row.last.count > 0 ? csv_number(value) : std::string(); };
    const PairedTest& test = row.against_reference;
    const auto compared = [&](double value) { return test.difference.count > 0 ? csv_number(value) : std::string(); };
    const std::vector<std::string> cells = {
        csv_cell(row.plan.cell),
        csv_cell(row.plan.label),
        row.plan.published.empty() ? "" : csv_number(row.plan.published.front().value),
        std::to_string(row.seeds),
        std::to_string(row.last.count),
        measured(row.last.mean),
        measured(row.last.half_width),
        measured(row.best.mean),
        measured(row.best.half_width),
        measured(row.best_epoch),
        measured(row.epochs),
        csv_cell(row.plan.reference),
        std::to_string(test.difference.count),
        compared(test.difference.mean),
        compared(test.difference.half_width),
        compared(test.p),
        measured(row.images),
        measured(row.steps),
        csv_number(row.device_hours),
        std::to_string(row.failures.size())};
    for (std::size_t i = 0; i < cells.size(); ++i) out += (i == 0 ? "" : ",") + cells[i];
    out += "\n";
  }
  return out;
}

Json to_json(const MeanInterval& value) {
  if (value.count == 0) return nullptr;
  Json json = {{"mean", value.mean}, {"count", value.count}};
  json["half_width"] = std::isfinite(value.half_width) ? Json(value.half_width) : Json(nullptr);
  return json;
}

std::string table_json(const Table& table) {
  Json rows = Json::array();
  for (const TableRow& row : table.rows) {
    Json values = Json::array();
    for (const PublishedValue& value : row.plan.published)
      values.push_back({{"value", value.value}, {"source", value.source}});
    Json json = {{"cell", row.plan.cell},
                 {"label", row.plan.label},
                 {"published", values},
                 {"seeds", row.seeds},
                 {"last", to_json(row.last)},
                 {"best", to_json(row.best)},
                 {"best_epoch", row.best_epoch},
                 {"epochs", row.epochs},
                 {"images", row.images},
                 {"steps", row.steps},
                 {"device_hours", row.device_hours},
                 {"failures", row.failures}};
    if (row.against_reference.difference.count > 0)
      json["against"] = {{"cell", row.plan.reference},
                         {"difference", to_json(row.against_reference.difference)},
                         {"p", row.against_reference.p}};
    rows.push_back(std::move(json));
  }
  const Json json = {{"title", table.title},     {"scale", table.scale},     {"note", table.note},
                     {"measure", table.measure}, {"percent", table.percent}, {"rows", rows}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string table_html(const Table& table) {
  Html out;
  out.html(page_head(table.title)).markup("<body>\n<header>\n").element("h1", table.title);
  if (!table.note.empty()) out.markup("<p>").text(table.note).markup("</p>\n");
  out.markup("<p class=\"soft\">").text(explanation(table)).markup("</p>\n</header>\n<main>\n");
  out.markup("<div class=\"card scroll\"><table><thead><tr>");
  for (const std::string& title : kTitles) out.element("th", title);
  out.markup("</tr></thead><tbody>\n");
  for (const TableRow& row : table.rows) {
    const std::vector<std::string> cells = texts(row);
    out.markup("<tr>").element("th", cells.front());
    for (std::size_t i = 1; i < cells.size(); ++i) out.element("td", cells[i]);
    out.markup("</tr>\n");
    for (const std::string& failure : row.failures)
      out.markup("<tr><th></th><td colspan=\"10\">failed: ").text(failure).markup("</td></tr>\n");
  }
  out.markup("</tbody></table></div>\n</main>\n").html(page_end());
  return out.str();
}

}  // namespace

std::string table_markdown(const Table& table) {
  std::string out = "# " + table.title + "\n\n";
  if (!table.note.empty()) out += table.note + "\n\n";
  out += explanation(table) + "\n\n|";
  for (const std::string& title : kTitles) out += " " + title + " |";
  out += "\n|";
  for (std::size_t i = 0; i < kTitles.size(); ++i) out += " --- |";
  out += "\n";
  std::string failures;
  for (const TableRow& row : table.rows) {
    out += "|";
    for (const std::string& cell : texts(row)) out += " " + markdown_cell(cell) + " |";
    out += "\n";
    for (const std::string& failure : row.failures) failures += "- failed: " + row.plan.label + ", " + failure + "\n";
  }
  return failures.empty() ? out : out + "\n" + failures;
}

void write_table(const std::filesystem::path& folder, const Table& table) {
  io::write_file(folder / "table.md", table_markdown(table));
  io::write_file(folder / "table.csv", table_csv(table));
  io::write_file(folder / "table.json", table_json(table));
  io::write_file(folder / "table.html", table_html(table));
}

}  // namespace engram::apps
